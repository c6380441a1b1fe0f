//! Shell variables as values.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The elements of one variable; bash's scalars are element 0, its arrays may have holes.
pub type Elements = BTreeMap<usize, String>;

/// A set of shell variables by name. A variable without elements is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vars(BTreeMap<String, Elements>);

impl Vars {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `$name` gives, or `None` where it is unset.
    pub fn scalar(&self, name: &str) -> Option<&str> {
        self.element(name, 0)
    }

    /// What `${name[index]}` gives, or `None` where it is unset.
    pub fn element(&self, name: &str, index: usize) -> Option<&str> {
        self.0.get(name)?.get(&index).map(String::as_str)
    }

    /// All elements of a variable that is set.
    pub fn elements(&self, name: &str) -> Option<&Elements> {
        self.0.get(name)
    }

    /// `name=value`: sets element 0 and leaves the others, as bash does.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.set_element(name, 0, value);
    }

    /// `name[index]=value`.
    pub fn set_element(&mut self, name: &str, index: usize, value: impl Into<String>) {
        match self.0.get_mut(name) {
            Some(elements) => {
                elements.insert(index, value.into());
            }
            None => {
                self.0.insert(name.to_string(), Elements::from([(index, value.into())]));
            }
        }
    }

    /// `name=( … )`: the old elements are gone.
    pub fn replace(&mut self, name: &str, elements: Elements) {
        if elements.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_string(), elements);
        }
    }

    /// `unset name[index]`.
    pub fn unset_element(&mut self, name: &str, index: usize) {
        if let Some(elements) = self.0.get_mut(name) {
            elements.remove(&index);
            if elements.is_empty() {
                self.0.remove(name);
            }
        }
    }

    /// Takes every element of `later` over those that are here, element by element.
    pub fn merge(&mut self, later: Self) {
        for (name, elements) in later.0 {
            self.0.entry(name).or_default().extend(elements);
        }
    }

    /// Drops the variables whose name `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Every variable, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Elements)> {
        self.0.iter().map(|(name, elements)| (name.as_str(), elements))
    }

    /// True if nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(scalars: I) -> Self {
        Self(scalars.into_iter().map(|(n, v)| (n.into(), Elements::from([(0, v.into())]))).collect())
    }
}

/// Variables laid over others, which stay as they are. What is changed is here, whole; the rest shows through.
#[derive(Debug, Clone)]
pub struct Layer<'a> {
    below: &'a Vars,
    /// A variable without elements hides the one below.
    changed: BTreeMap<String, Elements>,
}

impl<'a> Layer<'a> {
    /// Nothing is changed yet.
    pub fn over(below: &'a Vars) -> Self {
        Self { below, changed: BTreeMap::new() }
    }

    /// What `$name` gives, or `None` where it is unset.
    pub fn scalar(&self, name: &str) -> Option<&str> {
        self.element(name, 0)
    }

    /// What `${name[index]}` gives, or `None` where it is unset.
    pub fn element(&self, name: &str, index: usize) -> Option<&str> {
        match self.changed.get(name) {
            Some(elements) => elements.get(&index).map(String::as_str),
            None => self.below.element(name, index),
        }
    }

    fn elements_mut(&mut self, name: &str) -> &mut Elements {
        let below = self.below;
        let shown = || below.elements(name).cloned().unwrap_or_default();
        self.changed.entry(name.to_string()).or_insert_with(shown)
    }

    /// `name[index]=value`.
    pub fn set_element(&mut self, name: &str, index: usize, value: impl Into<String>) {
        self.elements_mut(name).insert(index, value.into());
    }

    /// `name[index]+=value`.
    pub fn append_element(&mut self, name: &str, index: usize, value: &str) {
        self.elements_mut(name).entry(index).or_default().push_str(value);
    }

    /// `name=( … )`: the old elements are gone.
    pub fn replace(&mut self, name: &str, elements: Elements) {
        self.changed.insert(name.to_string(), elements);
    }

    /// `unset name`; gives what was there.
    pub fn unset(&mut self, name: &str) -> Elements {
        std::mem::take(self.elements_mut(name))
    }

    /// The variables that were changed and are set.
    pub fn into_changed(self) -> Vars {
        Vars(self.changed.into_iter().filter(|(_, elements)| !elements.is_empty()).collect())
    }

    /// All variables that are set.
    pub fn flattened(self) -> Vars {
        let mut all = self.below.clone();
        for (name, elements) in self.changed {
            all.replace(&name, elements);
        }
        all
    }
}

/// True if `name` can name a shell variable.
pub fn is_identifier(name: &str) -> bool {
    name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_overridden_one_by_one() {
        let mut vars = Vars::from_iter([("MAKE", "make"), ("X", "1")]);
        vars.set_element("MAKE", 2, "make two");
        let mut later = Vars::new();
        later.set_element("MAKE", 2, "other");
        vars.merge(later);
        assert_eq!(vars.scalar("MAKE"), Some("make"));
        assert_eq!(vars.element("MAKE", 2), Some("other"));
        vars.replace("MAKE", Elements::new());
        assert_eq!(vars.elements("MAKE"), None);
    }

    #[test]
    fn a_layer_changes_nothing_below() {
        let below = Vars::from_iter([("MAKE", "make"), ("X", "1"), ("Z", "z")]);
        let mut layer = Layer::over(&below);
        layer.set_element("MAKE", 2, "make two");
        layer.append_element("X", 0, "2");
        layer.append_element("Y", 3, "y");
        assert_eq!(layer.unset("Z"), Elements::from([(0, "z".to_string())]));
        assert_eq!((layer.scalar("MAKE"), layer.element("MAKE", 2)), (Some("make"), Some("make two")));
        assert_eq!((layer.scalar("Y"), layer.element("Y", 3), layer.scalar("Z")), (None, Some("y"), None));
        let all = layer.clone().flattened();
        assert_eq!((all.scalar("X"), all.elements("Z")), (Some("12"), None));
        assert_eq!(layer.into_changed(), all, "nothing else was there");
        assert_eq!(Layer::over(&below).flattened(), below);
        assert!(Layer::over(&below).into_changed().is_empty());
    }
}
