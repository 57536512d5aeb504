/** Names of one row that depend on a size or a number, as Intel's syntax has them: the disassembler prints them, the assembler reads them. Source: SDM vol. 2, at each mnemonic. */

type BySize = Readonly<Record<string, readonly [of16: string, of32: string, of64: string]>>;

/** Of an operand size. */
export const BY_OPERAND_SIZE: BySize = { cbw: ['cbw', 'cwde', 'cdqe'], cwd: ['cwd', 'cdq', 'cqo'] };
/** Of an address size. */
export const BY_ADDRESS_SIZE: BySize = { jcxz: ['jcxz', 'jecxz', 'jrcxz'] };

/** With REX.W, which is all that makes these different. */
export const WITH_REX_W: Readonly<Record<string, string>> = {
  movd: 'movq',
  pextrd: 'pextrq',
  pinsrd: 'pinsrq',
  fxsave: 'fxsave64',
  fxrstor: 'fxrstor64',
  xsave: 'xsave64',
  xrstor: 'xrstor64',
  xsaveopt: 'xsaveopt64',
};

/** What the first eight numbers of CMPPS and its like ask: it is the part of the name behind CMP (SDM vol. 2, table 3-7). */
export const COMPARISONS = ['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord'];
