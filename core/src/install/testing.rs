//! Modules made up for unit tests.

use object::write::{Object, StandardSegment};
use object::{Architecture, BinaryFormat, Endianness, SectionKind};

/// An ELF relocatable whose `.modinfo` holds these `name=value` entries.
pub(crate) fn module(entries: &[&str]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let section = object.add_section(
        object.segment_name(StandardSegment::Data).to_vec(),
        b".modinfo".to_vec(),
        SectionKind::ReadOnlyData,
    );
    let data: Vec<u8> = entries.iter().flat_map(|e| e.bytes().chain([0])).collect();
    object.append_section_data(section, &data, 1);
    object.write().unwrap()
}
