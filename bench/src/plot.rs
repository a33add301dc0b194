//! A percentile plot as SVG: how long the slowest of ten, a hundred, a thousand took.
//!
//! Across, the percentile, stretched so that 90, 99 and 99.9 are at equal distances; up, the latency
//! on a log scale.

use std::fmt::Write;

use crate::histogram::Latencies;
use crate::report::duration;

/// One line of the plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// What is drawn.
    pub latencies: Latencies,
    /// Dashed: what the machine does by itself.
    pub dashed: bool,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 44.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 56.0;
const LEGEND_LINE: f64 = 18.0;

/// Points of a line for each further nine of the percentile.
const POINTS_PER_NINE: u32 = 10;

/// Nines beyond which no figure is drawn: 99.9999 %.
const NINES_MAX: f64 = 6.0;

/// Told apart by people who see few colours, too.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// Where the points of a line are: how many nines, and the latency there.
///
/// The last stands where one sample is beyond it.
pub fn points(latencies: &Latencies) -> Vec<(f64, u64)> {
    if latencies.count() == 0 {
        return Vec::new();
    }
    let nines = (latencies.count() as f64).log10().min(NINES_MAX);
    let steps = (nines * f64::from(POINTS_PER_NINE)).floor() as u32;
    let at = |step: u32| {
        let nines = f64::from(step) / f64::from(POINTS_PER_NINE);
        (nines, latencies.at_quantile(1.0 - 10_f64.powf(-nines)))
    };
    (0..=steps).map(at).collect()
}

/// The picture.
pub fn svg(title: &str, series: &[Series]) -> String {
    let lines: Vec<Vec<(f64, u64)>> = series.iter().map(|one| points(&one.latencies)).collect();
    let axes = Axes::around(&lines, series.len());
    let mut out = String::new();
    let mut put = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    put(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">",
        height = axes.height
    ));
    put(&format!("<rect width=\"{WIDTH}\" height=\"{}\" fill=\"white\"/>", axes.height));
    put(&format!("<text x=\"{LEFT}\" y=\"30\" font-size=\"16\">{}</text>", escaped(title)));
    put(&axes.grid());
    for (at, (one, line)) in series.iter().zip(&lines).enumerate() {
        let colour = COLOURS[colour_of(series, at) % COLOURS.len()];
        let dash = if one.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let place = |&(nines, ns): &(f64, u64)| format!("{:.1},{:.1}", axes.x(nines), axes.y(ns));
        let path: Vec<String> = line.iter().map(place).collect();
        put(&format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash} points=\"{}\"/>",
            path.join(" ")
        ));
        let y = HEIGHT + LEGEND_LINE * at as f64;
        put(&format!(
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" \
             stroke-width=\"2\"{dash}/>",
            LEFT + 34.0
        ));
        let name = escaped(&one.name);
        put(&format!("<text x=\"{}\" y=\"{}\">{name}</text>", LEFT + 42.0, y + 4.0));
    }
    put("</svg>");
    out
}

/// What is dashed has the colour of the line that it stands beside.
fn colour_of(series: &[Series], at: usize) -> usize {
    let drawn = series[..=at].iter().filter(|one| !one.dashed).count();
    drawn.saturating_sub(1)
}

/// The ranges of both axes: whole decades around everything drawn.
struct Axes {
    nines: f64,
    decade_low: i32,
    decade_high: i32,
    height: f64,
}

impl Axes {
    fn around(lines: &[Vec<(f64, u64)>], series: usize) -> Axes {
        let all = || lines.iter().flatten();
        let nines = all().map(|(nines, _)| nines.ceil()).fold(1.0, f64::max);
        // What took no time is drawn on the lowest rule: a log scale has no place for it.
        let low = all().map(|(_, ns)| *ns).filter(|ns| *ns > 0).min().unwrap_or(1);
        let high = all().map(|(_, ns)| *ns).max().unwrap_or(1).max(1);
        let decade_low = low.ilog10() as i32;
        let top = (high as f64).log10().ceil() as i32;
        let height = HEIGHT + LEGEND_LINE * series as f64;
        Axes { nines, decade_low, decade_high: top.max(decade_low + 1), height }
    }

    fn x(&self, nines: f64) -> f64 {
        LEFT + nines / self.nines * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ns: u64) -> f64 {
        let decades = f64::from(self.decade_high - self.decade_low);
        let above = ((ns.max(1) as f64).log10() - f64::from(self.decade_low)).max(0.0);
        HEIGHT - BOTTOM - above / decades * (HEIGHT - TOP - BOTTOM)
    }

    fn grid(&self) -> String {
        let mut out = String::new();
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for decade in self.decade_low..=self.decade_high {
            let ns = 10_u64.pow(decade as u32);
            let y = self.y(ns);
            let label = duration(ns).replace(".00", "");
            let rule = format!(
                "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
                 stroke=\"#dddddd\"/>\n<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                LEFT - 8.0,
                y + 4.0
            );
            out.push_str(&rule);
        }
        let middle = [(0.0, "0"), (2_f64.log10(), "50")];
        let whole = ["90", "99", "99.9", "99.99", "99.999", "99.9999"];
        let whole = whole.iter().enumerate().map(|(at, label)| ((at + 1) as f64, *label));
        let shown = middle.into_iter().chain(whole).filter(|(nines, _)| *nines <= self.nines);
        for (nines, label) in shown {
            let x = self.x(nines);
            let rule = format!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" \
                 stroke=\"#dddddd\"/>\n<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label} %\
                 </text>\n",
                bottom + 18.0
            );
            out.push_str(&rule);
        }
        let end = "of all samples took at most this long";
        let x = f64::midpoint(LEFT, right);
        writeln!(
            out,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{end}</text>",
            bottom + 38.0
        )
        .expect("writing to a string does not fail");
        out
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, samples: u64, dashed: bool) -> Series {
        let mut latencies = Latencies::new();
        for sample in 0..samples {
            latencies.record(200 + sample);
        }
        Series { name: name.into(), latencies, dashed }
    }

    /// The names of elements in the order in which they open, if every one that opens closes.
    fn elements(text: &str) -> Option<Vec<String>> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for tag in text.split('<').skip(1) {
            let (tag, rest) = tag.split_once('>')?;
            if rest.contains('>') || tag.matches('"').count() % 2 != 0 {
                return None;
            }
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop()? != name {
                    return None;
                }
                continue;
            }
            let name = tag.split([' ', '/']).next()?;
            all.push(name.to_owned());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        open.is_empty().then_some(all)
    }

    #[test]
    fn a_line_has_ten_points_a_nine_and_ends_where_the_samples_do() {
        assert_eq!(points(&series("a", 1_000, false).latencies).len(), 31);
        assert_eq!(points(&series("a", 1, false).latencies).len(), 1);
        assert_eq!(points(&series("a", 0, false).latencies), []);
        let line = points(&series("a", 100_000, false).latencies);
        assert_eq!(line.len(), 51);
        assert!(line.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
        // Half a nine is 1 - 1/sqrt(10).
        let expected = 200.0 + 100_000.0 * (1.0 - 0.1_f64.sqrt());
        assert!((line[5].1 as f64 / expected - 1.0).abs() < 0.002);
    }

    #[test]
    fn a_picture_is_well_formed_and_has_a_line_and_a_legend_for_each_series() {
        let all = [series("a <&\"> b", 10_000, false), series("hiccups", 100, true)];
        let text = svg("t & u", &all);
        let names = elements(&text).unwrap();
        assert_eq!(names[0], "svg");
        assert_eq!(names.iter().filter(|name| *name == "polyline").count(), 2);
        assert!(text.contains(">a &lt;&amp;&quot;&gt; b</text>") && text.contains(">t &amp; u<"));
        let drawn: Vec<usize> = text
            .split(" points=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().split(' ').count())
            .collect();
        assert_eq!(drawn, [41, 21]);
        // Both lines and both entries of the legend.
        assert_eq!(text.matches(COLOURS[0]).count(), 4);
        // The line and its entry in the legend.
        assert_eq!(text.matches("stroke-dasharray").count(), 2);
    }

    #[test]
    fn everything_drawn_is_inside() {
        let mut zero = Latencies::new();
        zero.record_many(0, 1_000);
        let zero = Series { name: "hiccups".into(), latencies: zero, dashed: true };
        let text = svg("t", &[series("a", 1_000_000, false), zero]);
        let lines = text.split(" points=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), 2);
        for pair in lines.iter().flat_map(|line| line.split(' ')) {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{pair}");
            assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{pair}");
        }
    }

    #[test]
    fn a_picture_of_nothing_is_still_one() {
        assert!(elements(&svg("t", &[])).is_some());
    }
}
