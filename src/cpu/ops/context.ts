/**
 * What the semantics of one instruction may use. An `Op` runs one record: on return the instruction has retired; a fault or VM exit
 * leaves by `throw` (the objects are preallocated) with no register or memory changed, so that the instruction can be restarted.
 */
import type { Cpu } from '../cpu.ts';
import type { Row } from '../table/row.ts';

/** Runs one record. Those of src/cpu/fpu ask for a Core only (core.ts), which a Cpu is. */
export type Op = (cpu: Cpu, p: number) => void;

/**
 * Makes the Op for a row. Called once for each form that the table has, so whatever depends on the row is decided here, not at run time.
 * `memory`: the ModRM operand is memory. `operandSize`: 16 or 32.
 */
export type OpFactory = (row: Row, memory: boolean, operandSize: 16 | 32) => Op;
/** The same of 64-bit code. */
export type LongOpFactory = (row: Row, memory: boolean, operandSize: 16 | 32 | 64) => Op;
