/** What pages that manage domains ask of the host, and what they change, in libvirt’s model of it: commands that this makes are noted by virtual time one by one. */
import {
  changeHardware,
  domainByName,
  type Hardware,
  type HardwareChange,
  hardwareOf,
  type Impact,
  type Proposal,
  proposeChange,
} from '../toolstack/libvirt/index.ts';
import { judgeDefinition, prepareToRead } from '../definitions/config/index.ts';
import type { Finding } from '../definitions/index.ts';
import type { CommandHost } from '../toolstack/index.ts';

/** A text and what is found in it. */
export interface Verdicts {
  text: string;
  plan: { findings: Finding[] };
}

export const QUESTIONS = {
  hardware: async (host: CommandHost, name: string): Promise<Hardware> =>
    hardwareOf(host, await domainByName(host, name)),
  proposal: async (host: CommandHost, name: string, change: HardwareChange, impact: Impact): Promise<Proposal> =>
    proposeChange(host, await domainByName(host, name), change, impact),
  /** What a text says, whatever keeps it from being created now. */
  verdicts: async (_host: CommandHost, path: string, text: string): Promise<Verdicts> => {
    await prepareToRead(text);
    return { text, plan: { findings: judgeDefinition(path, text).findings } };
  },
};

export const CHANGES = {
  hardware: async (host: CommandHost, name: string, change: HardwareChange, impact: Impact): Promise<void> =>
    changeHardware(host, await domainByName(host, name), change, impact),
};

type Table = Readonly<Record<string, (host: CommandHost, ...given: never[]) => Promise<unknown>>>;
type Given<T extends Table> = {
  [What in keyof T]: T[What] extends (host: CommandHost, ...given: infer G) => unknown ? G : never;
};
type Answers<T extends Table> = {
  [What in keyof T]: T[What] extends (...given: never[]) => Promise<infer R> ? R : never;
};
type Asked<T extends Table> = <What extends keyof T>(what: What, ...given: Given<T>[What]) => Promise<Answers<T>[What]>;
export type Consult = Asked<typeof QUESTIONS>;
export type Manage = Asked<typeof CHANGES>;

const asked =
  <T extends Table>(table: T) =>
  <What extends keyof T>(host: CommandHost, what: What, given: readonly unknown[]): Promise<Answers<T>[What]> =>
    (table[what] as unknown as (...given: unknown[]) => Promise<Answers<T>[What]>)(host, ...given);

export const consult = asked(QUESTIONS);
export const manage = asked(CHANGES);
