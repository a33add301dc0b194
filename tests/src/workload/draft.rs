//! A plan on its way: relations that exist so far, and steps that add one.

use sluicedb_sql::expr::Expr;
use sluicedb_sql::plan::{Builder, Node, NodeId, Retain};
use sluicedb_sql::{DataType, Plan};

use super::SOURCE_ROWS;
use super::exact::{Bits, bits};
use super::expr::Expressions;
use super::source::{ColumnSpec, SourceSpec, TICK_US, Values};
use crate::prng::Prng;

/// Operators on the longest path.
const DEPTH_MAX: usize = 6;

/// Different values that an expression is taken to have: few, so that joins on it seem large.
const COMPUTED_DISTINCT: usize = 20;

/// A plan on its way.
pub(super) struct Draft<'a> {
    pub(super) prng: &'a mut Prng,
    pub(super) builder: Builder,
    pub(super) relations: Vec<Relation>,
    sources: Vec<SourceSpec>,
    names: usize,
}

/// A relation of the plan.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) id: NodeId,
    /// One for each column of its schema.
    pub(super) columns: Vec<Column>,
    /// How many rows it is taken to have.
    pub(super) rows: usize,
    /// Operators beneath.
    pub(super) depth: usize,
    /// Joins beneath.
    pub(super) joins: usize,
    pub(super) readers: usize,
    /// The columns that make up the group of an aggregate.
    pub(super) group: Vec<usize>,
    /// The index of its input, of an aggregate that may refuse rows as late.
    pub(super) late_of: Option<usize>,
}

/// What is known of a column beside its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// How many values it is taken to have.
    pub(super) distinct: usize,
    /// Of doubles that add up to the same in every order.
    pub(super) bits: Option<Bits>,
    /// Whether minus zero cannot be.
    pub(super) one_zero: bool,
    pub(super) domain: Domain,
}

/// Where the values of a column come from: joins find partners within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    Key { long: bool },
    Time,
    Number,
}

impl Column {
    pub(super) fn computed(bits: Option<Bits>) -> Column {
        Column { distinct: COMPUTED_DISTINCT, bits, one_zero: false, domain: Domain::Number }
    }

    fn of_source(spec: &ColumnSpec) -> Column {
        let (distinct, domain) = match spec.values {
            _ if spec.field.data_type == DataType::Boolean => (2, Domain::Number),
            Values::Time | Values::NearTime => (SOURCE_ROWS / 2, Domain::Time),
            Values::Key { distinct, long } => (distinct, Domain::Key { long }),
            Values::Number { .. } => (40, Domain::Number),
        };
        Column { distinct, bits: Some(Bits::SOURCE), one_zero: true, domain }
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(prng: &'a mut Prng) -> Draft<'a> {
        let builder = Builder::new();
        Draft { prng, builder, relations: Vec::new(), sources: Vec::new(), names: 0 }
    }

    pub(super) fn finish(self) -> (Plan, Vec<SourceSpec>) {
        (self.builder.finish().expect("a draft has sources"), self.sources)
    }

    /// A column name that was not there before.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        format!("c{}", self.names)
    }

    pub(super) fn node(&self, relation: usize) -> &Node {
        self.builder.node(self.relations[relation].id).expect("the draft added it")
    }

    pub(super) fn types(&self, relation: usize) -> Vec<DataType> {
        self.node(relation).schema.fields().iter().map(|field| field.data_type).collect()
    }

    /// Adds a relation above `inputs`.
    pub(super) fn add(&mut self, inputs: &[usize], id: NodeId, columns: Vec<Column>, rows: usize) {
        let depth = inputs.iter().map(|&input| self.relations[input].depth + 1).max();
        inputs.iter().for_each(|&input| self.relations[input].readers += 1);
        let depth = depth.unwrap_or(0);
        let joins = inputs.iter().map(|&input| self.relations[input].joins).sum::<usize>();
        let joins = joins + usize::from(inputs.len() > 1);
        let (readers, group, late_of) = (0, Vec::new(), None);
        self.relations.push(Relation { id, columns, rows, depth, joins, readers, group, late_of });
    }

    /// One to three sources, whose event times begin alike.
    pub(super) fn sources(&mut self) {
        let start_us = *self.prng.pick(&[0, -30 * TICK_US, 1_700_000_000_000_000]);
        for index in 0..1 + self.prng.below(3) {
            let spec = SourceSpec::draw(index, start_us, self.prng);
            let time =
                spec.time.map(|time| time.map(|column| spec.columns[*column].field.name.as_str()));
            let id = self.builder.source_with(&spec.name, spec.schema(), time);
            let id = id.expect("a drawn source is valid");
            if self.prng.chance(50) {
                // All of its rows: which ones go depends on what comes to which shard when.
                self.builder.retain(id, Retain::DEFAULT).expect("the source is being made");
            }
            let columns = spec.columns.iter().map(Column::of_source);
            self.add(&[], id, columns.collect(), SOURCE_ROWS);
            self.sources.push(spec);
        }
    }

    /// Adds operators.
    pub(super) fn steps(&mut self) {
        for _ in 0..2 + self.prng.below(6) {
            match self.prng.below(16) {
                0..=1 => self.filter(),
                2..=3 => self.project(),
                4..=7 => self.aggregate(),
                8..=10 => self.join(),
                11..=12 => self.top(),
                13..=14 => self.over(),
                _ => self.late(),
            }
        }
    }

    /// A relation to put an operator on, most often one that nobody reads.
    pub(super) fn pick(&mut self) -> usize {
        let unread = self.prng.chance(65);
        let some = |wanted: &dyn Fn(&Relation) -> bool| -> Vec<usize> {
            let at = 0..self.relations.len();
            let low = |at: &usize| self.relations[*at].depth < DEPTH_MAX;
            at.filter(low).filter(|&at| wanted(&self.relations[at])).collect()
        };
        let mut candidates = some(&|relation| !unread || relation.readers == 0);
        if candidates.is_empty() {
            candidates = some(&|_| true);
        }
        *self.prng.pick(&candidates)
    }

    fn expression(
        &mut self,
        relation: usize,
        draw: impl FnOnce(&mut Expressions<'_>) -> Expr,
    ) -> Expr {
        let schema = self.node(relation).schema.clone();
        let columns = &self.relations[relation].columns;
        draw(&mut Expressions { prng: self.prng, schema: &schema, columns })
    }

    fn filter(&mut self) {
        let input = self.pick();
        let predicate = self.expression(input, |draw| draw.predicate());
        let Relation { id, columns, rows, group, .. } = self.relations[input].clone();
        let id = self.builder.filter(id, &predicate).expect("a drawn predicate is valid");
        self.add(&[input], id, columns, rows);
        self.relations.last_mut().expect("it was added").group = group;
    }

    fn project(&mut self) {
        let input = self.pick();
        let types = self.types(input);
        let mut kept: Vec<usize> = (0..types.len()).collect();
        let keeps = |data_type| if data_type == DataType::Timestamp { 92 } else { 80 };
        kept.retain(|&column| self.prng.chance(keeps(types[column])));
        self.prng.shuffle(&mut kept);
        let computed = self.prng.below(3) + usize::from(kept.is_empty());
        let values = (0..computed).map(|_| self.expression(input, |draw| draw.value())).collect();
        self.project_to(input, &kept, values);
    }

    /// Adds a projection to columns under other names and to expressions; returns its index.
    pub(super) fn project_to(&mut self, input: usize, kept: &[usize], values: Vec<Expr>) -> usize {
        let schema = self.node(input).schema.clone();
        let Relation { id, columns: below, rows, .. } = self.relations[input].clone();
        let all_bits: Vec<Option<Bits>> = below.iter().map(|column| column.bits).collect();
        let mut columns: Vec<Column> = kept.iter().map(|&column| below[column]).collect();
        let mut outputs: Vec<(String, Expr)> =
            kept.iter().map(|&column| (self.name(), Expr::Column(column))).collect();
        for value in values {
            let bound = value.bind(&schema).expect("a drawn expression is valid");
            let computed = Column::computed(bits(&bound, &schema, &all_bits));
            let truth = bound.data_type(&schema) == Ok(DataType::Boolean);
            columns.push(if truth { Column { distinct: 2, ..computed } } else { computed });
            outputs.push((self.name(), value));
        }
        let id = self.builder.project(id, outputs).expect("drawn outputs are valid");
        self.add(&[input], id, columns, rows);
        self.relations.len() - 1
    }

    /// The rows that an aggregate refused, if one may.
    fn late(&mut self) {
        let candidates: Vec<usize> =
            (0..self.relations.len()).filter(|&at| self.relations[at].late_of.is_some()).collect();
        let Some(&aggregate) = candidates.first() else { return self.aggregate() };
        let Some(input) = self.relations[aggregate].late_of.take() else { return };
        let id = self.builder.late(self.relations[aggregate].id).expect("it may refuse rows");
        let Relation { columns, rows, .. } = self.relations[input].clone();
        self.add(&[aggregate], id, columns, rows / 5 + 1);
        if self.prng.chance(35) {
            self.aggregate_over(self.relations.len() - 1);
        }
    }

    /// Makes views and streams of all that nobody reads, and of some other relations.
    pub(super) fn views(&mut self) {
        let mut views = 0;
        for relation in 0..self.relations.len() {
            let unread = self.relations[relation].readers == 0;
            if !unread && !self.prng.chance(12) {
                continue;
            }
            let (id, name) = (self.relations[relation].id, format!("v{views}"));
            views += 1;
            if self.prng.chance(20) {
                self.builder.stream(id, &name).expect("a drawn stream is valid");
                continue;
            }
            let schema = self.node(relation).schema.clone();
            let group = &self.relations[relation].group;
            let key: Vec<usize> = match self.prng.below(10) {
                0..=3 => Vec::new(),
                4..=7 if !group.is_empty() => group.clone(),
                _ => vec![self.prng.below(schema.len())],
            };
            let key: Vec<&str> = key.iter().map(|&at| schema.field(at).name.as_str()).collect();
            self.builder.view(id, &name, &key).expect("a drawn view is valid");
        }
    }
}
