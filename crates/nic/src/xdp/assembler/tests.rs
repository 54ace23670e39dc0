use super::Register::*;
use super::*;

/// The bytes of an instruction on a little-endian machine, as other assemblers print them.
fn bytes(instruction: Instruction) -> [u8; 8] {
    let mut bytes = [instruction.code, instruction.registers, 0, 0, 0, 0, 0, 0];
    bytes[2..4].copy_from_slice(&instruction.offset.to_le_bytes());
    bytes[4..].copy_from_slice(&instruction.immediate.to_le_bytes());
    bytes
}

#[test]
#[cfg(target_endian = "little")]
fn instructions_are_those_of_the_standard() {
    let mut program = Assembler::new();
    let end = program.label();
    program.load(Width::Word, R2, R1, 4);
    program.load(Width::Half, R3, R7, 12);
    program.load(Width::Byte, R3, R7, 23);
    program.load(Width::Double, R1, R0, 0);
    program.store(Width::Double, R0, 0, R1);
    program.store_number(Width::Word, R10, -4, 2);
    program.register(Operation::Set, R6, R1);
    program.number(Operation::Add, R2, 34);
    program.number(Operation::And32, R5, 15);
    program.half_from_network(R3);
    program.jump_if_register(R2, When::Greater, R8, end);
    program.jump_if(R3, When::NotEqual, 8, end);
    program.load_map(R1, 5);
    program.call(51);
    program.place(end);
    program.exit();
    let expected: [[u8; 8]; 16] = [
        [0x61, 0x12, 4, 0, 0, 0, 0, 0],
        [0x69, 0x73, 12, 0, 0, 0, 0, 0],
        [0x71, 0x73, 23, 0, 0, 0, 0, 0],
        [0x79, 0x01, 0, 0, 0, 0, 0, 0],
        [0x7b, 0x10, 0, 0, 0, 0, 0, 0],
        [0x62, 0x0a, 0xfc, 0xff, 2, 0, 0, 0],
        [0xbf, 0x16, 0, 0, 0, 0, 0, 0],
        [0x07, 0x02, 0, 0, 34, 0, 0, 0],
        [0x54, 0x05, 0, 0, 15, 0, 0, 0],
        [0xdc, 0x03, 0, 0, 16, 0, 0, 0],
        [0x2d, 0x82, 4, 0, 0, 0, 0, 0],
        [0x56, 0x03, 3, 0, 8, 0, 0, 0],
        [0x18, 0x11, 0, 0, 5, 0, 0, 0],
        [0; 8],
        [0x85, 0x00, 0, 0, 51, 0, 0, 0],
        [0x95, 0x00, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(program.finish().into_iter().map(bytes).collect::<Vec<_>>(), expected);
}

#[test]
fn labels_are_reached_from_before_and_from_behind() {
    let mut program = Assembler::new();
    let (start, end) = (program.label(), program.label());
    program.place(start);
    program.jump(end);
    program.jump(start);
    program.place(end);
    program.exit();
    // The second jump stands behind one that always jumps, but is jumped to from nowhere: it is left out.
    let offsets: Vec<i16> = program.finish().iter().map(|instruction| instruction.offset).collect();
    assert_eq!(offsets, [0, 0]);

    let mut program = Assembler::new();
    let (start, end) = (program.label(), program.label());
    program.place(start);
    program.jump_if(R1, When::Equal, 0, end);
    program.jump_if(R1, When::Equal, 1, start);
    program.place(end);
    program.exit();
    let offsets: Vec<i16> = program.finish().iter().map(|instruction| instruction.offset).collect();
    assert_eq!(offsets, [1, -2, 0]);
}

#[test]
fn what_no_path_leads_to_is_left_out() {
    let mut program = Assembler::new();
    let (dead, end) = (program.label(), program.label());
    program.load_map(R1, 3);
    program.jump(end);
    program.place(dead);
    program.load_map(R1, 4);
    program.jump_if(R1, When::Equal, 0, dead);
    program.place(end);
    program.exit();
    let program = program.finish();
    assert_eq!(program.len(), 4);
    assert_eq!((program[0].immediate, program[2].offset, program[3].code), (3, 0, EXIT));
}

#[test]
#[should_panic(expected = "ends with an exit")]
fn a_program_without_an_end_is_refused() {
    let mut program = Assembler::new();
    program.load_map(R1, 3);
    program.finish();
}

#[test]
#[should_panic(expected = "has been placed")]
fn a_jump_to_nowhere_is_refused() {
    let mut program = Assembler::new();
    let nowhere = program.label();
    program.jump(nowhere);
    program.exit();
    program.finish();
}
