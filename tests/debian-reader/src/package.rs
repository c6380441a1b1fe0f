//! One package: its members, its fields, its files.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};

use debian_packaging::deb::reader::{BinaryPackageEntry, BinaryPackageReader, ControlTarFile, DataTarReader};
use futures::{AsyncReadExt, StreamExt};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

#[derive(Default)]
struct Found {
    fields: BTreeMap<String, String>,
    entries: BTreeMap<String, Value>,
    conffiles: Vec<String>,
    md5sums: BTreeMap<String, String>,
    control: BTreeMap<String, String>,
    problems: Vec<String>,
}

/// Prints what is in a package, and returns what is wrong with it.
pub async fn run(package: &str, expected: Option<&str>) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = read(BinaryPackageReader::new(std::fs::File::open(package)?)?).await?;
    sums(&mut found);
    if let Some(path) = expected {
        compare(&mut found, &serde_json::from_str(&std::fs::read_to_string(path)?)?);
    }
    let Found { fields, entries, conffiles, md5sums, control, problems } = found;
    let text = format!(
        "{:#}\n",
        json!({ "fields": fields, "entries": entries, "conffiles": conffiles, "md5sums": md5sums, "control": control })
    );
    // Whoever reads only the head of it is still told the verdict.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(problems)
}

/// The fields of a package, and what is wrong with it.
pub async fn fields(
    reader: BinaryPackageReader<impl Read>,
) -> Result<(BTreeMap<String, String>, Vec<String>), Box<dyn Error>> {
    let mut found = read(reader).await?;
    sums(&mut found);
    Ok((found.fields, found.problems))
}

async fn read(mut reader: BinaryPackageReader<impl Read>) -> Result<Found, Box<dyn Error>> {
    let mut found = Found::default();
    let mut members = Vec::new();
    while let Some(entry) = reader.next_entry() {
        match entry? {
            BinaryPackageEntry::DebianBinary(mut version) => {
                let mut text = String::new();
                version.read_to_string(&mut text)?;
                if text != "2.0\n" {
                    found.problems.push(format!("debian-binary says {text:?}"));
                }
                members.push("debian-binary");
            }
            BinaryPackageEntry::Control(mut control) => {
                for entry in control.entries()? {
                    let mut entry = entry?;
                    let (_, file) = entry.to_control_file()?;
                    control_file(&mut found, file)?;
                }
                members.push("control");
            }
            BinaryPackageEntry::Data(data) => {
                data_files(&mut found, data).await?;
                members.push("data");
            }
        }
    }
    if members != ["debian-binary", "control", "data"] {
        found.problems.push(format!("its members are {members:?}"));
    }
    Ok(found)
}

fn control_file(found: &mut Found, file: ControlTarFile) -> Result<(), Box<dyn Error>> {
    let (name, data) = match file {
        ControlTarFile::Control(control) => {
            found.fields = control
                .iter_fields()
                .map(|field| (field.name().to_owned(), field.value_str().to_owned()))
                .collect();
            return Ok(());
        }
        ControlTarFile::Conffiles(data) => {
            found.conffiles = String::from_utf8(data)?.lines().map(str::to_owned).collect();
            return Ok(());
        }
        ControlTarFile::Triggers(data) => ("triggers".to_owned(), data),
        ControlTarFile::Shlibs(data) => ("shlibs".to_owned(), data),
        ControlTarFile::Symbols(data) => ("symbols".to_owned(), data),
        ControlTarFile::Preinst(data) => ("preinst".to_owned(), data),
        ControlTarFile::Postinst(data) => ("postinst".to_owned(), data),
        ControlTarFile::Prerm(data) => ("prerm".to_owned(), data),
        ControlTarFile::Postrm(data) => ("postrm".to_owned(), data),
        ControlTarFile::Other(path, data) => {
            (String::from_utf8(path)?.trim_start_matches("./").to_owned(), data)
        }
    };
    let text = String::from_utf8(data)?;
    if name == "md5sums" {
        for line in text.lines() {
            let (sum, path) = line.split_once("  ").ok_or("a line of md5sums without two spaces")?;
            found.md5sums.insert(path.to_owned(), sum.to_owned());
        }
    } else if !name.is_empty() {
        found.control.insert(name, text);
    }
    Ok(())
}

async fn data_files(found: &mut Found, data: DataTarReader) -> Result<(), Box<dyn Error>> {
    let mut entries = data.into_inner().entries()?;
    while let Some(entry) = entries.next().await {
        let mut entry = entry?;
        let path = String::from_utf8(entry.path_bytes().into_owned())?;
        let path = format!("/{}", path.trim_start_matches("./").trim_end_matches('/'));
        let header = entry.header();
        let kind = header.entry_type();
        let mut value = Map::from_iter([
            ("mode".to_owned(), json!(format!("{:04o}", header.mode()? & 0o7777))),
            ("owner".to_owned(), json!(header.username()?)),
            ("group".to_owned(), json!(header.groupname()?)),
            ("mtime".to_owned(), json!(header.mtime()?)),
        ]);
        if let Some(link) = entry.link_name_bytes() {
            value.insert("link".to_owned(), json!(String::from_utf8(link.into_owned())?));
        } else if kind.is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).await?;
            value.insert("size".to_owned(), json!(content.len()));
            let sum: String = Md5::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
            value.insert("md5".to_owned(), json!(sum));
        } else if kind.is_dir() {
            value.insert("directory".to_owned(), json!(true));
        }
        if found.entries.insert(path.clone(), Value::Object(value)).is_some() {
            found.problems.push(format!("{path} is there twice"));
        }
    }
    Ok(())
}

/// Every sum fits its file, and every file has a sum or is a configuration file.
fn sums(found: &mut Found) {
    for (path, sum) in &found.md5sums {
        let path = format!("/{path}");
        match found.entries.get(&path).and_then(|entry| entry["md5"].as_str()) {
            Some(real) if real == sum => {}
            Some(real) => found.problems.push(format!("{path}: md5sums says {sum}, it is {real}")),
            None => found.problems.push(format!("{path}: in md5sums, but no file")),
        }
    }
    for (path, entry) in &found.entries {
        let listed =
            found.md5sums.contains_key(path.trim_start_matches('/')) || found.conffiles.contains(path);
        if entry["md5"].is_string() && !listed {
            found.problems.push(format!("{path}: neither in md5sums nor in conffiles"));
        }
    }
    for path in &found.conffiles {
        if found.entries.get(path).is_none_or(|entry| !entry["md5"].is_string()) {
            found.problems.push(format!("{path}: in conffiles, but no file"));
        }
    }
}

fn compare(found: &mut Found, expected: &Value) {
    for (key, value) in expected["fields"].as_object().into_iter().flatten() {
        let real = found.fields.get(key).map(String::as_str);
        if real != value.as_str() {
            found.problems.push(format!("field {key} is {real:?}, expected {value}"));
        }
    }
    for path in expected["paths"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !found.entries.contains_key(path) {
            found.problems.push(format!("{path} is missing"));
        }
    }
    if let Some(list) = expected["conffiles"].as_array() {
        let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        if found.conffiles != list {
            found.problems.push(format!("conffiles are {:?}, expected {list:?}", found.conffiles));
        }
    }
}
