//! The matrix of [`super::matrix`] as one page of HTML that needs nothing beside it but the logs.
//!
//! Names come from package files and dkms.confs, which strangers write: all text is escaped, in links also as URLs have it.

use super::matrix::{Cell, Kind, Matrix, Outcome, size};
use std::fmt::Write;

/// Colours for both light and dark, chosen by the reader's system.
const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8885;--built:#2e7d3233;--failed:#c6282840;--excluded:#8882}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:100rem;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
th,td{border:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}
td.built{background:var(--built)}td.failed{background:var(--failed)}td.excluded{background:var(--excluded)}
td p{margin:0;max-width:24rem;font-size:.85em;overflow-wrap:anywhere}
td small{opacity:.75}
.wide{overflow-x:auto}
";

/// Text that means nothing to a browser.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() && c != '\n' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A path below the page as a relative URL (RFC 3986): it never names a scheme, a host or a query.
fn link(path: &str) -> String {
    let mut url = "./".to_string();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

/// The page. `made_by` names the program and its version.
pub fn page(matrix: &Matrix, made_by: &str) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Modules and kernels</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Modules and kernels</h1>\n\
         <p>{} built, {} failed, {} not meant; {} packages.</p>\n",
        matrix.count(Outcome::Built),
        matrix.count(Outcome::Failed),
        matrix.count(Outcome::Excluded),
        matrix.packages.len()
    );
    if !matrix.problems.is_empty() {
        html.push_str("<ul>\n");
        for problem in &matrix.problems {
            let _ = writeln!(html, "<li>{}</li>", escaped(problem));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("<div class=\"wide\"><table>\n<tr><th scope=\"col\">Module</th>");
    for kernel in &matrix.kernels {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(kernel));
    }
    html.push_str("</tr>\n");
    let mut modules: Vec<&str> = matrix.cells.iter().map(|cell| cell.module.as_str()).collect();
    modules.dedup();
    for module in modules {
        let cells: Vec<&Cell> = matrix.cells.iter().filter(|cell| cell.module == module).collect();
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escaped(module));
        match cells.as_slice() {
            [only] if only.kernel.is_none() => html.push_str(&table_cell(only, matrix.kernels.len().max(1))),
            _ => {
                for kernel in &matrix.kernels {
                    let cell = cells.iter().find(|cell| cell.kernel.as_ref() == Some(kernel));
                    html.push_str(&cell.map_or_else(|| "<td></td>".into(), |cell| table_cell(cell, 1)));
                }
            }
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table></div>\n");
    html.push_str(&packages(matrix));
    let _ = write!(html, "<p><small>{}</small></p>\n</body>\n</html>\n", escaped(made_by));
    html
}

fn table_cell(cell: &Cell, columns: usize) -> String {
    let (class, word) = match cell.outcome {
        Outcome::Built => ("built", "built"),
        Outcome::Excluded => ("excluded", "not meant"),
        Outcome::Failed => ("failed", "failed"),
    };
    let mut html = format!("<td class=\"{class}\" colspan=\"{columns}\">{word}");
    let time = cell.time();
    if !time.is_empty() {
        let _ = write!(html, " <small>{}</small>", escaped(&time));
    }
    if let Some(log) = &cell.log {
        let _ = write!(html, " <a href=\"{}\">log</a>", link(log));
    }
    let remark = cell.remark();
    if !remark.is_empty() {
        let _ = write!(html, "<p>{}</p>", escaped(&remark));
    }
    html.push_str("</td>");
    html
}

fn packages(matrix: &Matrix) -> String {
    if matrix.packages.is_empty() {
        return String::new();
    }
    let mut html = "<h2>Packages</h2>\n<div class=\"wide\"><table>\n<tr><th scope=\"col\">File</th>\
        <th scope=\"col\">Size</th><th scope=\"col\">What it is</th></tr>\n"
        .to_string();
    for package in &matrix.packages {
        let kernel = package.kernel.as_deref().unwrap_or_default();
        let what = match package.kind {
            Kind::Module => format!("{} for {kernel}", package.module),
            Kind::Metapackage => format!("{}, for the newest kernel", package.module),
            Kind::Source => format!("sources of {}", package.module),
        };
        let _ = writeln!(
            html,
            "<tr><td><a href=\"{}\">{}</a></td><td>{}</td><td>{}</td></tr>",
            link(&package.file),
            escaped(&package.file),
            size(package.size),
            escaped(&what)
        );
    }
    html.push_str("</table></div>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::super::matrix::tests::matrix;
    use super::*;

    #[test]
    fn a_page_holds_every_cell_and_no_markup_of_strangers() {
        let mut matrix = matrix();
        matrix.kernels.push("6.1\"><script>alert(1)</script>".into());
        matrix.cells[1].log = Some("logs/javascript:a b\"?#.log".into());
        let html = page(&matrix, "evermod 1");
        for part in [
            "<td class=\"built\" colspan=\"1\">built <small>2.1 s</small>",
            "<p>a.c:1:2: ‘x’ &lt;undeclared&gt;\nmore</p>",
            "&lt;b&gt;&quot;&amp;&#39;/1",
            "href=\"./logs/javascript%3Aa%20b%22%3F%23.log\"",
            "<td class=\"excluded\" colspan=\"1\">not meant<p>BUILD_EXCLUSIVE_KERNEL</p>",
            "href=\"./a-modules-6.1_1-1_amd64.deb\"",
            "<li>x.deb: it is cut off</li>",
            "color-scheme:light dark",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
        let open = html.matches("<td").count();
        assert_eq!(open, html.matches("</td>").count());
    }

    #[test]
    fn what_is_wrong_for_all_kernels_is_said_once() {
        let mut matrix = matrix();
        matrix.cells.truncate(1);
        matrix.cells[0].kernel = None;
        assert!(page(&matrix, "evermod").contains("colspan=\"2\""));
    }
}
