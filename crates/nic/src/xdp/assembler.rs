//! An assembler for BPF: instructions into words, and jumps to labels into distances.
//!
//! It knows the instructions that our filter needs and no others. See RFC 9669 for the instruction set, and
//! `Documentation/bpf` of Linux for what the kernel's verifier asks of a program.

/// A register. `R0` holds results, `R1` to `R5` arguments and are lost in calls, `R6` to `R9` survive them, `R10` is
/// the end of the stack and cannot be written.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R10 = 10,
}

/// How many bytes a load or store moves. Loads fill the rest of the register with zeros.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Width {
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
    Double = 0x18,
}

/// When a jump jumps. Comparisons are of unsigned numbers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum When {
    Equal = 0x10,
    Greater = 0x20,
    NotEqual = 0x50,
    Less = 0xa0,
}

/// A place in the program, known or not yet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Label(usize);

/// One instruction as the kernel reads it (`struct bpf_insn`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

const _: () = assert!(size_of::<Instruction>() == 8, "as the kernel has it");

const CLASS_LOAD_WIDE: u8 = 0x18;
const CLASS_LOAD: u8 = 0x61;
const CLASS_STORE_NUMBER: u8 = 0x62;
const CLASS_STORE: u8 = 0x63;
const CLASS_JUMP: u8 = 0x05;
const CLASS_JUMP_32: u8 = 0x06;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const TO_BIG_ENDIAN: u8 = 0xdc;
/// The second operand is a register instead of a number.
const SOURCE_REGISTER: u8 = 0x08;
/// The number of a wide load is the descriptor of a map.
const SOURCE_MAP: u8 = 1;
/// The number of a wide load is the descriptor of a map with one value, which is meant.
const SOURCE_MAP_VALUE: u8 = 2;

/// Operations on 64 bits with a number, and with a register by adding [`SOURCE_REGISTER`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Add = 0x07,
    And = 0x57,
    ShiftLeft = 0x67,
    ShiftRight = 0x77,
    Set = 0xb7,
    /// Of the lower 32 bits; the upper become zero.
    And32 = 0x54,
}

/// A program being written.
pub(super) struct Assembler {
    instructions: Vec<Instruction>,
    /// Where each label is, once it is placed.
    labels: Vec<Option<usize>>,
    /// Jumps whose distance is not filled in: the instruction, and where it goes.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    pub(super) fn new() -> Self {
        Self { instructions: Vec::new(), labels: Vec::new(), jumps: Vec::new() }
    }

    /// A new place, to be jumped to before or after it is [placed](Self::place).
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The label is here: before the next instruction.
    ///
    /// # Panics
    /// If it is somewhere else already.
    pub(super) fn place(&mut self, label: Label) {
        let here = self.instructions.len();
        assert!(self.labels[label.0].replace(here).is_none(), "a label is at one place");
    }

    /// `to = *(from + offset)`
    pub(super) fn load(&mut self, width: Width, to: Register, from: Register, offset: i16) {
        self.push(CLASS_LOAD | width as u8, to, from as u8, offset, 0);
    }

    /// `*(to + offset) = from`
    pub(super) fn store(&mut self, width: Width, to: Register, offset: i16, from: Register) {
        self.push(CLASS_STORE | width as u8, to, from as u8, offset, 0);
    }

    /// `*(to + offset) = number`
    pub(super) fn store_number(&mut self, width: Width, to: Register, offset: i16, number: i32) {
        self.push(CLASS_STORE_NUMBER | width as u8, to, 0, offset, number);
    }

    /// `to = to OPERATION number`
    pub(super) fn number(&mut self, operation: Operation, to: Register, number: i32) {
        self.push(operation as u8, to, 0, 0, number);
    }

    /// `to = to OPERATION from`
    pub(super) fn register(&mut self, operation: Operation, to: Register, from: Register) {
        self.push(operation as u8 | SOURCE_REGISTER, to, from as u8, 0, 0);
    }

    /// The lower 16 bits from the network's byte order into the machine's; the upper become zero.
    pub(super) fn half_from_network(&mut self, of: Register) {
        self.push(TO_BIG_ENDIAN, of, 0, 0, 16);
    }

    /// Goes to a label.
    pub(super) fn jump(&mut self, to: Label) {
        self.push_jump(CLASS_JUMP, Register::R0, 0, 0, to);
    }

    /// Goes to a label if the lower 32 bits of a register compare so with a number.
    pub(super) fn jump_if(&mut self, left: Register, when: When, right: i32, to: Label) {
        self.push_jump(CLASS_JUMP_32 | when as u8, left, 0, right, to);
    }

    /// Goes to a label if two whole registers compare so.
    pub(super) fn jump_if_register(&mut self, left: Register, when: When, right: Register, to: Label) {
        self.push_jump(CLASS_JUMP | when as u8 | SOURCE_REGISTER, left, right as u8, 0, to);
    }

    /// Goes to a label if a pointer from a lookup is null, which asks for all 64 bits.
    pub(super) fn jump_if_null(&mut self, pointer: Register, to: Label) {
        self.push_jump(CLASS_JUMP | When::Equal as u8, pointer, 0, 0, to);
    }

    /// `to` is the map with this descriptor, as calls take it.
    pub(super) fn load_map(&mut self, to: Register, descriptor: i32) {
        self.push(CLASS_LOAD_WIDE, to, SOURCE_MAP, 0, descriptor);
        self.push(0, Register::R0, 0, 0, 0);
    }

    /// `to` is the address, `offset` bytes into it, of the one value of the map with this descriptor.
    pub(super) fn load_map_value(&mut self, to: Register, descriptor: i32, offset: i32) {
        self.push(CLASS_LOAD_WIDE, to, SOURCE_MAP_VALUE, 0, descriptor);
        self.push(0, Register::R0, 0, 0, offset);
    }

    /// Calls a function of the kernel by its number.
    pub(super) fn call(&mut self, function: i32) {
        self.push(CALL, Register::R0, 0, 0, function);
    }

    /// Ends the program with the result in `R0`.
    pub(super) fn exit(&mut self) {
        self.push(EXIT, Register::R0, 0, 0, 0);
    }

    /// The program, with all distances filled in. What no path leads to is left out, because the kernel refuses it:
    /// so a filter may be written as if every part of it were needed.
    ///
    /// # Panics
    /// If a label that is jumped to was never placed, or is more than 32,767 instructions away; or if the program does
    /// not end with an exit.
    pub(super) fn finish(self) -> Vec<Instruction> {
        let mut targets = vec![None; self.instructions.len()];
        for (from, label) in &self.jumps {
            let to = self.labels[label.0].expect("every label that is jumped to has been placed");
            assert!(to < self.instructions.len(), "a jump goes to an instruction");
            targets[*from] = Some(to);
        }
        let kept = self.reached(&targets);
        // The place of every instruction once the others are gone.
        let places: Vec<usize> =
            kept.iter().scan(0, |place, kept| Some(std::mem::replace(place, *place + usize::from(*kept)))).collect();
        let mut program = Vec::with_capacity(self.instructions.len());
        for (from, mut instruction) in self.instructions.into_iter().enumerate().filter(|(from, _)| kept[*from]) {
            if let Some(to) = targets[from] {
                // Distances count from the instruction behind the jump.
                let distance = places[to] as i64 - places[from] as i64 - 1;
                instruction.offset = i16::try_from(distance).expect("a limit keeps programs short");
            }
            program.push(instruction);
        }
        program
    }

    /// Which instructions some path leads to.
    fn reached(&self, targets: &[Option<usize>]) -> Vec<bool> {
        let mut reached = vec![false; self.instructions.len()];
        let mut starts = vec![0];
        while let Some(start) = starts.pop() {
            for at in start.. {
                assert!(at < reached.len(), "a program ends with an exit");
                if std::mem::replace(&mut reached[at], true) {
                    break;
                }
                starts.extend(targets[at]);
                if matches!(self.instructions[at].code, EXIT | CLASS_JUMP) {
                    break;
                }
            }
        }
        reached
    }

    fn push(&mut self, code: u8, to: Register, from: u8, offset: i16, immediate: i32) {
        debug_assert!(from <= Register::R10 as u8);
        // The two halves of this byte are bit fields of C, whose order follows the byte order.
        let registers = match cfg!(target_endian = "little") {
            true => from << 4 | to as u8,
            false => (to as u8) << 4 | from,
        };
        self.instructions.push(Instruction { code, registers, offset, immediate });
    }

    fn push_jump(&mut self, code: u8, left: Register, right: u8, number: i32, to: Label) {
        self.jumps.push((self.instructions.len(), to));
        self.push(code, left, right, 0, number);
    }
}

#[cfg(test)]
mod tests;
