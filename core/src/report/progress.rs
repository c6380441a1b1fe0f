//! Events on a terminal: finished things scroll by, what is going on stays at the bottom with its time.

use super::event::{Event, Sink};
use super::lines::line;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A terminal's display.
pub struct Progress {
    all: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: HashMap<String, ProgressBar>,
    total: Option<ProgressBar>,
}

impl Progress {
    /// Draws on standard error.
    pub fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { all, state: Mutex::default() }
    }

    fn begin(&self, key: String, text: String) {
        let bar = self.all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.set_message(text);
        bar.enable_steady_tick(Duration::from_millis(200));
        self.state().running.insert(key, bar);
    }

    fn end(&self, key: &str) {
        if let Some(bar) = self.state().running.remove(key) {
            bar.finish_and_clear();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self) {
        if let Some(total) = &self.state().total {
            total.inc(1);
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(total) = self.state().total.take() {
            total.finish_and_clear();
        }
    }
}

impl Sink for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { builds } if *builds > 0 => {
                let bar = self.all.add(ProgressBar::new(*builds as u64));
                if let Ok(style) = ProgressStyle::with_template("[{bar:24}] {pos}/{len} built [{elapsed}]") {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(Duration::from_millis(200));
                self.state().total = Some(bar);
            }
            Event::BuildStarted { instance } => {
                self.begin(instance.to_string(), format!("{} for {}", instance.module, instance.kernel));
            }
            Event::Built { instance, .. } => {
                self.end(&instance.to_string());
                self.advance();
            }
            Event::Reused { .. } => self.advance(),
            Event::Failed { instance, .. } => {
                self.end(&instance.to_string());
                self.advance();
            }
            Event::DepmodStarted { kernel } => {
                self.begin(format!("depmod {kernel}"), format!("depmod {kernel}"))
            }
            Event::DepmodEnded { kernel, .. } => self.end(&format!("depmod {kernel}")),
            Event::InitramfsStarted { kernel } => {
                self.begin(format!("initramfs {kernel}"), format!("initramfs of {kernel}"));
            }
            Event::InitramfsEnded { kernel, .. } => self.end(&format!("initramfs {kernel}")),
            _ => {}
        }
        if let Some(text) = line(event) {
            // Writing above the bars fails only with the terminal itself.
            let _ = self.all.println(text);
        }
    }
}
