//! The ratios as Markdown.

/// Rows of what was measured, beside what is wanted.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 3]>,
    missed: bool,
}

impl Table {
    /// A ratio that has no goal.
    pub fn row(&mut self, what: &str, ratio: f64) {
        self.rows.push([what.to_owned(), format!("{ratio:.2}"), String::new()]);
    }

    /// A ratio that is to be at most so large.
    pub fn at_most(&mut self, what: &str, ratio: f64, most: f64) {
        let verdict = if ratio <= most { "" } else { " **missed**" };
        self.rows.push([what.to_owned(), format!("{ratio:.2}"), format!("≤ {most}{verdict}")]);
    }

    /// A ratio that is to be at least so large.
    pub fn at_least(&mut self, what: &str, ratio: f64, least: f64) {
        let verdict = if ratio >= least { "" } else { " **missed**" };
        self.rows.push([what.to_owned(), format!("{ratio:.2}"), format!("≥ {least}{verdict}")]);
    }

    /// Whether every goal that was printed was met.
    pub fn is_met(&self) -> bool {
        !self.missed
    }

    /// Prints what was added since the last time.
    pub fn print(&mut self) {
        for [what, ratio, goal] in self.rows.drain(..) {
            self.missed |= goal.contains("missed");
            println!("| {what} | {ratio} | {goal} |");
        }
    }
}
