/** Guests of Xen. Those without a PC are kernels, with PV devices alone. */
import type { DefinitionKind } from './kind.ts';
import { pc } from './pc.ts';

export const hvm: DefinitionKind = { ...pc, needsXen: true, modelInDomain0: true, pvCards: true };

export const pvh: DefinitionKind = {
  ...hvm,
  type: 'pvh',
  builder: 'pvh',
  firmware: false,
  entry: 'pvh',
  hvmOptions: false,
  shadows: false,
  vnc: 'nothing',
  emulates: false,
  modelInDomain0: false,
  drives: { place: () => -1, names: 'xvda to xvdp', haveNumbers: true },
};

export const pv: DefinitionKind = {
  ...pvh,
  type: 'pv',
  builder: 'linux',
  needsVt: false,
  entry: 'pv',
  vnc: 'PV screen',
};
