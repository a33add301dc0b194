//! Aggregates stated in one breath: each call names what differs from the default.

use super::{AggregateSpec, Call, Emit, Function, Window};

impl AggregateSpec {
    /// Groups by these columns. Without a window, at every change, and with nothing computed yet.
    ///
    /// ```
    /// use sluicedb_sql::plan::{AggregateSpec, Call, Emit, Function, Window};
    ///
    /// let bars = AggregateSpec::by(["symbol"])
    ///     .tumble("ts", 1_000_000)
    ///     .count_rows("trades")
    ///     .compute("high", Function::Max, "price")
    ///     .call(Call::by("close", Function::Last, "price", "ts"))
    ///     .on_close();
    /// assert_eq!(bars.emit, Emit::OnClose);
    /// assert_eq!(bars.window.map(|window| window.size_us()), Some(1_000_000));
    /// ```
    pub fn by(keys: impl IntoIterator<Item = impl Into<String>>) -> AggregateSpec {
        AggregateSpec {
            window: None,
            keys: keys.into_iter().map(Into::into).collect(),
            calls: Vec::new(),
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        }
    }

    /// One group of all rows, or one in each window.
    pub fn of_all() -> AggregateSpec {
        AggregateSpec::by([""; 0])
    }

    /// In windows of this size by a TIMESTAMP column, one after another.
    pub fn tumble(mut self, time: &str, size_us: i64) -> AggregateSpec {
        self.window = Some(Window::Tumble { time: time.into(), size_us, offset_us: 0 });
        self
    }

    /// In windows of this size by a TIMESTAMP column, one of which starts every `slide_us`.
    pub fn hop(mut self, time: &str, size_us: i64, slide_us: i64) -> AggregateSpec {
        self.window = Some(Window::Hop { time: time.into(), size_us, slide_us, offset_us: 0 });
        self
    }

    /// Computes one more result of each group.
    pub fn call(mut self, call: Call<String>) -> AggregateSpec {
        self.calls.push(call);
        self
    }

    /// Computes COUNT(*) as column `name`.
    pub fn count_rows(self, name: &str) -> AggregateSpec {
        self.call(Call::count_rows(name))
    }

    /// Computes a function of one column as column `name`.
    pub fn compute(self, name: &str, function: Function, argument: &str) -> AggregateSpec {
        self.call(Call::of(name, function, argument))
    }

    /// Puts a window out once the watermark passes its end, and not at every change.
    pub fn on_close(mut self) -> AggregateSpec {
        self.emit = Emit::OnClose;
        self
    }

    /// Lets a window that the watermark has passed take rows for so long.
    pub fn allow_late(mut self, lateness_us: i64) -> AggregateSpec {
        self.allowed_lateness_us = lateness_us;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_one_breath_is_the_struct_field_by_field() {
        let said = AggregateSpec::by(["symbol", "account"])
            .hop("ts", 60, 20)
            .count_rows("n")
            .compute("high", Function::Max, "price")
            .call(Call::by("close", Function::Last, "price", "ts"))
            .on_close()
            .allow_late(7);
        let window = Window::Hop { time: "ts".into(), size_us: 60, slide_us: 20, offset_us: 0 };
        let written = AggregateSpec {
            window: Some(window),
            keys: vec!["symbol".into(), "account".into()],
            calls: vec![
                Call::count_rows("n"),
                Call::of("high", Function::Max, "price"),
                Call::by("close", Function::Last, "price", "ts"),
            ],
            emit: Emit::OnClose,
            allowed_lateness_us: 7,
        };
        assert_eq!(said, written);
    }

    #[test]
    fn nothing_said_is_one_group_without_a_window_at_every_change() {
        let all = AggregateSpec::of_all().count_rows("n");
        let written = AggregateSpec {
            window: None,
            keys: Vec::new(),
            calls: vec![Call::count_rows("n")],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        };
        assert_eq!(all, written);
    }
}
