/**
 * What a definition means here: one verdict for every key, and the domain that comes of it.
 * Meanings and defaults: xl.cfg(5) of Xen 4.17 and xen/tools/xl/xl_parse.c.
 */
import type { Rate } from '../network/rate.ts';
import type { Finding, Verdict } from '../api.ts';
import { type DiskSpec, parseDisk, placeOf } from './disk.ts';
import { formatCpus, parseCpus } from './cpus.ts';
import { concerns, KEYS, type KeyRule, nearest } from './keys.ts';
import type { OptionRemark } from './options.ts';
import { parseVif } from './vif.ts';
import type { NicModel } from '../../hypervisor/index.ts';
import { MAX_MEMORY_MIB, MAX_VCPUS } from '../../hypervisor/memory/layout.ts';
import { viridianFeatures } from '../../hypervisor/xen/viridian/features.ts';
import { type Atom, parseXlConfig, type Position, type Setting, shortened, type Value } from './xlcfg.ts';

export type DomainType = 'hvm' | 'pv' | 'pvh';
/** What happens to a domain that stopped. */
export type Action = 'destroy' | 'restart' | 'preserve';

/** A domain as a definition asks for it. Paths are as they were written. */
export interface Definition {
  name: string;
  type: DomainType;
  memoryMiB: number;
  /** As far as the guest may grow. */
  maxMemoryMiB?: number;
  uuid?: string;
  /** Virtual processors from the start, and as many as there may be. */
  vcpus: number;
  maxVcpus?: number;
  /** Share of processor time beside others (256), and the most of it in per cent of one processor (0: no limit). */
  weight?: number;
  cap?: number;
  /** Bits of the processors on which it may run, and of those on which it should. */
  hardAffinity?: number;
  softAffinity?: number;
  kernel?: string;
  ramdisk?: string;
  cmdline: string;
  /** Drives on the IDE channels. */
  disks: DefinedDisk[];
  /** What firmware tries, first one first: c disks, d CD-ROM drives. */
  bootOrder: string;
  /** An emulated network card on the host's bridge. */
  nic?: NicModel;
  /** The card's station address, in lower case with colons; absent: one is drawn when the domain is created. */
  mac?: string;
  /** How much the card may send. */
  rate?: Rate;
  /** The device model of an HVM guest runs in Domain 0 (device_model_stubdomain_override = 0), and not as its stub domain. */
  modelInDomain0?: boolean;
  /** Bits of HVM_PARAM_VIRIDIAN: the Hyper-V interface of an HVM guest. */
  viridian?: number;
  onPoweroff: Action;
  onReboot: Action;
  onCrash: Action;
}

export interface DefinedDisk extends DiskSpec {
  /** 0 primary master, 1 primary slave, 2 and 3 on the secondary channel. */
  place: number;
  /** Where its text stands in the definition. */
  at: Position;
}

export interface Judgement {
  /** Complete only when no finding is an error. */
  definition: Definition;
  findings: Finding[];
  /** Where the value of each key stands, for errors that are found later. */
  valueAt: ReadonlyMap<string, Position>;
}

/** libxl's default (LIBXL_MAX_MEMORY in MiB where memory is not set). */
const DEFAULT_MEMORY_MIB = 32;
const MAX_CAP = 100 * MAX_VCPUS;

/** Of what a text may have any number, this many are told one by one: unknown keys, keys set again, lines that make no sense, disks, cards. */
const MOST_TOLD = 100;
/** A finding quotes so much of its line. */
const MOST_QUOTED = 400;
/** xs_wire.h, XENSTORE_PAYLOAD_MAX: the store takes 4096 bytes with the node's path. */
const MOST_NAME_LETTERS = 1000;

const ACTIONS = ['destroy', 'restart', 'rename-restart', 'preserve', 'coredump-destroy', 'coredump-restart', 'soft-reset'];
const TYPES = ['hvm', 'pv', 'pvh'];

/** Verdicts that keep a domain from being created. */
export function isError(finding: Finding): boolean {
  return finding.verdict === 'error' || finding.verdict === 'missing';
}

/** As a compiler prints it: FILE:LINE:COLUMN: text. */
export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}:${finding.column}: ${finding.text}`;
}

/** `optionsFrom`: the line from which on the text is of options given beside the file (Infinity: none). */
export function judgeDefinition(file: string, source: string, optionsFrom = Infinity): Judgement {
  return new Judge(file, source, optionsFrom).judge();
}

class Judge {
  readonly file: string;
  readonly lines: string[];
  readonly settings: Setting[];
  readonly findings: Finding[] = [];
  /** The setting that counts for each key, with += applied. */
  readonly values = new Map<string, Setting>();
  /** Keys whose setting that counts has its verdict. */
  private readonly judged = new Set<string>();
  private readonly optionsFrom: number;
  /** Findings of which a text may have any number: told so far, and the first and the number of each kind that were not. */
  private told = 0;
  private readonly untold = new Map<Verdict, { at: Position; count: number }>();

  constructor(file: string, source: string, optionsFrom: number) {
    const parsed = parseXlConfig(source);
    this.file = file;
    this.optionsFrom = optionsFrom;
    this.lines = parsed.lines;
    this.settings = parsed.settings;
    for (const { text, ...at } of parsed.problems) this.reportOneOfMany(at, '', 'error', () => ['not understood', text]);
  }

  judge(): Judgement {
    for (const setting of this.settings) this.collect(setting);
    const definition = this.definition();
    // Nothing was read: there is nothing else to say.
    if (this.lines.length === 0) this.findings.splice(1);
    for (const [key, setting] of this.values) {
      if (!this.judged.has(key)) this.byRule(key, setting, definition.type);
    }
    for (const [verdict, { at, count }] of this.untold) {
      const what = verdict === 'error' ? 'errors' : `verdicts (${verdict})`;
      this.report(at, '', verdict, `${count} more`, `${count} more ${what} from here on are not listed one by one.`);
    }
    this.findings.sort((a, b) => a.line - b.line || a.column - b.column);
    const valueAt = new Map([...this.values].map(([key, { value }]) => [key, { line: value.line, column: value.column }]));
    return { definition, findings: this.findings, valueAt };
  }

  private report(at: Position, key: string, verdict: Verdict, short: string, text: string): void {
    this.judged.add(key);
    this.findings.push({ file: this.file, line: at.line, column: at.column, source: (this.lines[at.line - 1] ?? '').slice(0, MOST_QUOTED), key, verdict, short, text });
  }

  /** As `report`, for what a text may have any number of. */
  private reportOneOfMany(at: Position, key: string, verdict: Verdict, said: () => [short: string, text: string]): void {
    if (this.told++ < MOST_TOLD) return this.report(at, key, verdict, ...said());
    this.judged.add(key);
    const untold = this.untold.get(verdict);
    if (untold) untold.count++;
    else this.untold.set(verdict, { at: { line: at.line, column: at.column }, count: 1 });
  }

  /** What the named options and flags inside a text come to. */
  private remarks(key: string, item: Atom, remarks: OptionRemark[]): void {
    for (const { name, offset, verdict, short, text } of remarks)
      this.reportOneOfMany(this.inside(item, offset), `${key}.${shortened(name)}`, verdict, () => [short, verdict === 'error' ? `${key} = ${show(item)}: ${text}` : text]);
  }

  /** Where a part of a string stands: behind the quote, unless escapes before it moved it. */
  private inside(item: Atom, offset: number): Position {
    const start = item.column;
    const line = this.lines[item.line - 1] ?? '';
    const plain = line.startsWith(item.text.slice(0, offset), start);
    return { line: item.line, column: plain ? start + 1 + offset : start };
  }

  private error(setting: Setting, short: string, text: string): void {
    this.report(setting.value, setting.key, 'error', short, `${setting.key} = ${show(setting.value)}: ${text}`);
  }

  /** Checks that the key exists and its value has the right kind; keeps the last setting of each key. */
  private collect(setting: Setting): void {
    const { key, value } = setting;
    const rule = KEYS[key];
    if (!rule || !Object.hasOwn(KEYS, key)) {
      return this.reportOneOfMany(setting, shortened(key), 'error', () => {
        const near = nearest(key, Object.keys(KEYS));
        return [
          near ? `unknown; did you mean ${near}?` : 'unknown key',
          `${shortened(key)} is no key of xl.cfg.${near ? ` Did you mean ${near}?` : ' Remove the line or turn it into a comment with #.'}`,
        ];
      });
    }
    const problem = kindProblem(rule, value);
    if (problem) return this.reportOneOfMany(value, key, 'error', () => [problem.short, `${key} = ${show(value)}: ${problem.text}`]);
    const before = this.values.get(key);
    if (before && setting.append) {
      const joined = join(before.value, value);
      if (!joined)
        return this.reportOneOfMany(value, key, 'error', () => [
          'cannot be added',
          `${key} = ${show(value)}: a ${kindName(value)} cannot be added to the ${kindName(before.value)} of line ${before.line}.`,
        ]);
      this.values.set(key, { ...before, value: joined });
      return;
    }
    if (before) {
      this.reportOneOfMany(before, key, 'ignored', () =>
        setting.line < this.optionsFrom
          ? [`set again on line ${setting.line}`, `${key} is set again on line ${setting.line}; the last one counts.`]
          : ['an option counts', `${key} = ${show(before.value)} gives way to the option given beside the file: ${key} = ${show(value)}.`],
      );
      this.judged.delete(key);
    }
    this.values.set(key, setting);
  }

  private text(key: string): string | undefined {
    const setting = this.values.get(key);
    return setting && setting.value.kind !== 'list' ? setting.value.text : undefined;
  }

  private accept(key: string, short: string, text: string, verdict: Verdict = 'used'): void {
    const setting = this.values.get(key);
    if (setting) this.report(setting, key, verdict, short, text);
  }

  private definition(): Definition {
    const definition: Definition = {
      name: this.name(),
      type: this.type(),
      memoryMiB: this.memory(),
      vcpus: this.vcpus(),
      ...this.schedule(),
      ...this.affinity(),
      cmdline: this.cmdline(),
      disks: this.disks(),
      bootOrder: this.bootOrder(),
      onPoweroff: this.action('on_poweroff', 'destroy'),
      onReboot: this.action('on_reboot', 'restart'),
      onCrash: this.action('on_crash', 'destroy'),
    };
    const maxMemoryMiB = this.maxMemory(definition.memoryMiB),
      uuid = this.uuid();
    if (this.modelInDomain0(definition.type)) definition.modelInDomain0 = true;
    const viridian = this.viridian(definition.type);
    if (viridian !== 0) definition.viridian = viridian;
    if (maxMemoryMiB !== undefined) definition.maxMemoryMiB = maxMemoryMiB;
    const maxVcpus = this.maxVcpus(definition.vcpus);
    if (maxVcpus !== undefined) definition.maxVcpus = maxVcpus;
    if (uuid !== undefined) definition.uuid = uuid;
    const kernel = this.text('kernel'),
      ramdisk = this.text('ramdisk');
    if (kernel) definition.kernel = kernel;
    if (ramdisk) definition.ramdisk = ramdisk;
    this.kernel(definition);
    Object.assign(definition, this.network());
    if (definition.type !== 'hvm') this.leaveOutPc(definition);
    return definition;
  }

  /** PVH and PV guests have no IDE, no emulated card and no firmware. */
  private leaveOutPc(definition: Definition): void {
    const type = definition.type.toUpperCase();
    for (const finding of this.findings) {
      const [key] = finding.key.split('.');
      if (finding.verdict === 'error' || !['disk', 'vif'].includes(key)) continue;
      const what = key === 'disk' ? 'disks' : 'network cards';
      Object.assign(finding, { verdict: 'ignored', short: `no PV ${what} yet`, text: `A ${type} guest has PV ${what} only, and their back end is not built yet.` });
    }
    definition.disks = [];
    delete definition.nic;
    delete definition.mac;
    delete definition.rate;
    if (definition.kernel || this.findings.some(({ key, verdict }) => key === 'kernel' && verdict === 'error')) return;
    const at = this.values.get('kernel') ?? this.values.get('type') ?? { line: 1, column: 1 };
    this.report(at, 'kernel', 'error', 'needs a kernel', `A ${type} guest has no firmware that could boot a disk. Write kernel = "FILE".`);
  }

  private name(): string {
    const name = this.text('name');
    if (name === undefined) {
      if (!this.findings.some(f => f.source.trimStart().startsWith('name'))) {
        this.report({ line: 1, column: 1 }, 'name', 'error', 'missing', 'The definition has no name. Write a line like name = "web1".');
      }
      return '';
    }
    const setting = this.values.get('name')!;
    if (name === '') this.error(setting, 'empty', 'a domain needs a name.');
    else if (name.length > MOST_NAME_LETTERS) this.error(setting, 'too long', `a name has at most ${MOST_NAME_LETTERS} letters here, and this one has ${name.length}.`);
    // xenstore's rule for the node /local/domain/ID/name is any text; control characters would only upset terminals.
    else if (/[\u0000-\u001f\u007f/]/.test(name))
      this.error(setting, 'characters that names may not have', 'a name has no slashes and no control characters.');
    else this.accept('name', 'the name of the domain', `The domain is listed as ${name}.`);
    return name;
  }

  private type(): DomainType {
    const setting = this.values.get('type') ?? this.values.get('builder');
    if (!setting) {
      if (this.settings.some(s => s.key === 'type')) return 'hvm';
      this.report(
        { line: 1, column: 1 },
        'type',
        'approximated',
        'no type means PV',
        'Without a type xl builds a paravirtual guest. Write type = "hvm" for a kernel that wants a PC.',
      );
      return 'pv';
    }
    const value = setting.value.kind === 'list' ? '' : setting.value.text;
    if (setting.key === 'builder') {
      const type = value === 'hvm' ? 'hvm' : 'pv';
      if (!['hvm', 'linux', 'generic'].includes(value)) this.error(setting, 'no such builder', 'the builders were hvm, linux and generic. Write type = "hvm", "pvh" or "pv".');
      else
        this.accept(
          'builder',
          `old spelling of type = "${type}"`,
          `builder is the spelling of Xen 4.9 and older; the guest starts as with type = "${type}".`,
          'approximated',
        );
      return type;
    }
    if (value === 'hvm') this.accept('type', 'fully virtual machine', 'The guest starts on a fully virtual PC, and can detect Xen there.');
    else if (value === 'pvh') this.accept('type', 'Xen with VT, without a PC', 'The kernel is entered by its PVH note; it has no PC devices, but Xen.');
    else if (value === 'pv') {
      this.accept('type', 'paravirtual, without VT', 'The kernel runs in ring 1 and asks Xen for what a processor would do.');
    } else {
      const near = nearest(value.toLowerCase(), TYPES);
      this.error(setting, 'no such type', `the types are hvm, pvh and pv.${near ? ` Did you mean "${near}"?` : ''}`);
    }
    return TYPES.includes(value) ? (value as DomainType) : 'hvm';
  }

  private memory(): number {
    const setting = this.values.get('memory');
    if (!setting) {
      if (!this.settings.some(s => s.key === 'memory') && this.values.size > 0) {
        const at = this.values.get('name') ?? { line: 1, column: 1 };
        this.report(
          at,
          'memory',
          'approximated',
          `not set: ${DEFAULT_MEMORY_MIB} MiB as in libxl`,
          `memory is not set, so the guest gets libxl's default of ${DEFAULT_MEMORY_MIB} MiB. Current Linux needs 64 or more.`,
        );
      }
      return DEFAULT_MEMORY_MIB;
    }
    const mib = toNumber(setting.value);
    if (mib < 1) this.error(setting, 'too little', 'a guest needs at least 1 MiB.');
    else if (mib > MAX_MEMORY_MIB) this.error(setting, `at most ${MAX_MEMORY_MIB}`, `this host gives a guest at most ${MAX_MEMORY_MIB} MiB.`);
    else this.accept('memory', `${mib} MiB of RAM`, `The guest gets ${mib} MiB of RAM.`);
    return mib;
  }

  private maxMemory(memoryMiB: number): number | undefined {
    const setting = this.values.get('maxmem');
    if (!setting) return undefined;
    const mib = toNumber(setting.value);
    if (mib < memoryMiB) this.error(setting, 'less than memory', `memory is ${memoryMiB} MiB, and a guest cannot have more than maxmem. Write ${memoryMiB} or more.`);
    else if (mib > MAX_MEMORY_MIB) this.error(setting, `at most ${MAX_MEMORY_MIB}`, `this host gives a guest at most ${MAX_MEMORY_MIB} MiB.`);
    else if (mib === memoryMiB) this.accept('maxmem', 'as memory', 'The guest has all its memory from the start.');
    else
      this.accept(
        'maxmem',
        `populated on demand, up to ${mib} MiB`,
        `The guest sees ${mib} MiB and has ${memoryMiB} MiB for it, populated on demand: its balloon driver gives the rest back when it starts. (A PV guest sees ${memoryMiB} MiB and may ask for more.)`,
      );
    return mib;
  }

  private uuid(): string | undefined {
    const setting = this.values.get('uuid'),
      uuid = this.text('uuid');
    if (!setting || uuid === undefined) return undefined;
    if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(uuid)) {
      this.error(setting, 'no UUID', 'a UUID has 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.');
      return undefined;
    }
    this.accept('uuid', 'shown by Xen and the store', 'Guests of Xen see this UUID.');
    return uuid.toLowerCase();
  }

  private vcpus(): number {
    const setting = this.values.get('vcpus');
    if (!setting) return 1;
    const vcpus = toNumber(setting.value);
    if (vcpus < 1) this.error(setting, 'at least 1', 'a guest needs at least one processor.');
    else if (vcpus > MAX_VCPUS) this.error(setting, `at most ${MAX_VCPUS}`, `this host gives a guest at most ${MAX_VCPUS} processors.`);
    else this.accept('vcpus', vcpus === 1 ? '1 processor' : `${vcpus} processors`, `The guest gets ${vcpus} virtual processor${vcpus === 1 ? '' : 's'}.`);
    return vcpus;
  }

  private maxVcpus(vcpus: number): number | undefined {
    const setting = this.values.get('maxvcpus');
    if (!setting) return undefined;
    const most = toNumber(setting.value);
    if (most < 1 || most > MAX_VCPUS) this.error(setting, `1 to ${MAX_VCPUS}`, `this host gives a guest 1 to ${MAX_VCPUS} processors.`);
    else if (most < vcpus) this.error(setting, `vcpus is ${vcpus}`, `vcpus is ${vcpus}, and a guest cannot have more than maxvcpus. Write ${vcpus} or more.`);
    else this.accept('maxvcpus', most === vcpus ? 'as many as vcpus' : `${most - vcpus} offline`, `The guest may bring up ${most} virtual processors; ${vcpus} are there from the start.`);
    return most;
  }

  /** xl.cfg(5), cpus and cpus_soft: one list for all vCPUs, or a list of lists, one a vCPU. The vCPUs of a domain share a slot. */
  private affinity(): Pick<Definition, 'hardAffinity' | 'softAffinity'> {
    const affinity: Pick<Definition, 'hardAffinity' | 'softAffinity'> = {};
    for (const [key, field, what] of [['cpus', 'hardAffinity', 'runs on'], ['cpus_soft', 'softAffinity', 'prefers']] as const) {
      const setting = this.values.get(key);
      if (!setting) continue;
      const { value } = setting;
      const lists = (value.kind === 'list' ? value.items : [value]).map(item => (item.kind === 'list' ? 'a list in a list is no list of processors.' : parseCpus(item.text)));
      const wrong = lists.find(list => typeof list === 'string');
      if (lists.length === 0 || wrong !== undefined) {
        this.error(setting, 'no list of processors', String(wrong ?? 'it names no processor.'));
        continue;
      }
      const bits = lists as number[];
      const common = bits.reduce((a, b) => a & b),
        any = bits.reduce((a, b) => a | b);
      affinity[field] = common === 0 ? any : common;
      const shown = formatCpus(affinity[field]);
      if (common === any) this.accept(key, `${what} ${shown}`, `The guest ${what} ${shown === 'all' ? 'all processors' : `the processors ${shown}`}.`);
      else this.accept(key, `${what} ${shown}, all vCPUs`, `The vCPUs of a guest share one slot, so all of them ${what === 'prefers' ? 'prefer' : 'run on'} ${shown}, which ${common === 0 ? 'any' : 'each'} of these lists names.`, 'approximated');
    }
    return affinity;
  }

  /** xl sched-credit: weights from 1 to 65535, caps in per cent of one processor. */
  private schedule(): { weight?: number; cap?: number } {
    const weight = this.values.get('cpu_weight'),
      cap = this.values.get('cap');
    const schedule: { weight?: number; cap?: number } = {};
    if (weight) {
      schedule.weight = toNumber(weight.value);
      if (schedule.weight < 1 || schedule.weight > 65535) this.error(weight, '1 to 65535', 'a weight is a number from 1 to 65535; 256 is usual.');
      else this.accept('cpu_weight', `weight ${schedule.weight}`, `The guest's share of processor time has weight ${schedule.weight}; others have 256.`);
    }
    if (cap) {
      schedule.cap = toNumber(cap.value);
      if (schedule.cap < 0 || schedule.cap > MAX_CAP) this.error(cap, `0 to ${MAX_CAP}`, `a cap is a number of per cent of one processor, at most ${MAX_CAP}; 0 is none.`);
      else this.accept('cap', schedule.cap === 0 ? 'no cap' : `at most ${schedule.cap} %`, schedule.cap === 0 ? 'The guest has no cap.' : `The guest gets at most ${schedule.cap} % of a processor.`);
    }
    return schedule;
  }

  /** xl.cfg(5), device_model_stubdomain_override; here the stub domain is the default. */
  private modelInDomain0(type: DomainType): boolean {
    const key = 'device_model_stubdomain_override';
    const setting = this.values.get(key);
    if (!setting) return false;
    if (type !== 'hvm') {
      this.accept(key, 'no device model', 'A guest of this type has no emulated devices.', 'ignored');
      return false;
    }
    if (toNumber(setting.value) !== 0) return false;
    this.accept(key, 'device model in Domain 0', 'The emulated devices run in Domain 0: each access is a request by the ioreq page and an event channel.');
    return true;
  }

  /** xl.cfg(5), viridian: 0 or 1, or a list of groups. */
  private viridian(type: DomainType): number {
    const setting = this.values.get('viridian');
    if (!setting) return 0;
    const { value } = setting;
    const words = value.kind === 'list' ? value.items : value.text === '1' ? ['defaults'] : [];
    const wrong = value.kind !== 'list' && !['0', '1'].includes(value.text) ? 'xl takes 0, 1 or a list of groups here. Write viridian = 1.' : '';
    const groups = words.map(word => (typeof word === 'string' ? word : word.kind === 'list' ? '[…]' : word.text));
    const features = viridianFeatures(groups);
    if (wrong || typeof features === 'string') this.error(setting, wrong ? 'wants 0, 1 or a list' : 'not as xl.cfg has it', wrong || (features as string));
    else if (type !== 'hvm' && features !== 0) this.accept('viridian', 'for HVM guests', `A ${type.toUpperCase()} guest has no Hyper-V interface: xl shows it to HVM guests alone.`, 'ignored');
    else if (features === 0) this.accept('viridian', 'no Hyper-V interface', 'The guest finds no Hyper-V interface.');
    else {
      this.accept('viridian', 'Hyper-V interface', `The guest finds Hyper-V's interface beside Xen's: ${groups.join(', ')}.`);
      return features;
    }
    return 0;
  }

  /** xl_parse.c, parse_cmdline: cmdline alone, or root= and extra. */
  private cmdline(): string {
    const cmdline = this.text('cmdline'),
      root = this.text('root'),
      extra = this.text('extra');
    if (cmdline !== undefined) {
      this.accept('cmdline', 'command line of the kernel', 'This is the whole command line of the kernel.');
      for (const key of ['root', 'extra'])
        this.accept(key, 'cmdline counts', `cmdline is set too and counts alone; ${key} is ignored, as in xl.`, 'ignored');
      return cmdline;
    }
    this.accept('root', 'root= on the command line', `The command line starts with root=${root}.`);
    this.accept('extra', 'end of the command line', 'This text ends the command line of the kernel.');
    return [root !== undefined ? `root=${root}` : '', extra ?? ''].filter(Boolean).join(' ');
  }

  private action(key: string, fallback: Action): Action {
    const setting = this.values.get(key),
      value = this.text(key);
    if (!setting || value === undefined) return fallback;
    if (!ACTIONS.includes(value)) {
      const near = nearest(value, ACTIONS);
      this.error(setting, 'no such action', `the actions are ${ACTIONS.join(', ')}.${near ? ` Did you mean "${near}"?` : ''}`);
      return fallback;
    }
    if (value === 'destroy' || value === 'restart' || value === 'preserve') {
      this.accept(
        key,
        `${value} it`,
        `When the guest ${EVENTS[key]}, the domain is ${value === 'destroy' ? 'destroyed' : value === 'restart' ? 'started again' : 'kept as it is'}.`,
      );
      return value;
    }
    const instead = value.endsWith('restart') || value === 'soft-reset' ? 'restart' : 'destroy';
    this.accept(
      key,
      `${instead} instead`,
      `When the guest ${EVENTS[key]}, the domain is ${instead === 'restart' ? 'started again' : 'destroyed'}; ${value} is not built.`,
      'approximated',
    );
    return instead;
  }

  /** An ELF image that xl starts in hvmloader's place, by its PVH note: an HVM guest without a BIOS. Whether that is what starts. */
  private ownFirmware(definition: Definition): boolean {
    const image = this.text('firmware_override');
    if (definition.type !== 'hvm') {
      this.accept('firmware_override', 'no firmware to replace', `A ${definition.type.toUpperCase()} guest has no firmware.`, 'ignored');
      return false;
    }
    if (!image) return false;
    if (isHvmloader(image)) {
      this.accept('firmware_override', 'firmware boots the disks', 'hvmloader is a part of Xen: here the PC starts with its firmware.', 'approximated');
      return false;
    }
    definition.kernel = image;
    delete definition.ramdisk;
    this.accept('kernel', 'firmware_override is started', 'What firmware_override names is started, and this host hands it no kernel.', 'ignored');
    this.accept('ramdisk', 'firmware_override is started', 'What firmware_override names is started, and this host hands it no kernel.', 'ignored');
    return true;
  }

  private kernel(definition: Definition): void {
    if (this.ownFirmware(definition)) return;
    const setting = this.values.get('kernel');
    if (setting && definition.kernel && !isHvmloader(definition.kernel)) {
      this.accept('kernel', 'started directly', 'The kernel is loaded and started without firmware.');
      this.accept('ramdisk', 'handed to the kernel', 'The initial RAM disk is handed to the kernel.');
      this.accept('boot', 'the kernel is started directly', 'There is nothing to choose from: the kernel is started directly.', 'ignored');
      return;
    }
    delete definition.kernel;
    this.accept('kernel', 'firmware boots the disks', 'hvmloader is a part of Xen: here the PC starts with its firmware.', 'approximated');
    // A line that could not be read names one, too; what is wrong with it is said there.
    if (definition.disks.length === 0 && !this.lines.some(line => /^\s*(kernel|disk)\s*\+?=/i.test(line))) {
      const text = 'The definition has neither a kernel nor a disk. Write kernel = "FILE" or disk = [ "FILE,raw,hda" ], and drop that file too.';
      this.report({ line: 1, column: 1 }, 'kernel', 'error', 'missing', text);
    }
    this.accept('ramdisk', 'no kernel to hand it to', 'A RAM disk needs a kernel.', 'ignored');
  }

  /** xl-disk-configuration(5); one finding for each disk. */
  private disks(): DefinedDisk[] {
    const setting = this.values.get('disk');
    const disks: DefinedDisk[] = [];
    if (setting?.value.kind !== 'list') return disks;
    for (const item of setting.value.items) {
      const fail = (short: string, text: string): void => this.reportOneOfMany(item, 'disk', 'error', () => [short, `disk = ${show(item)}: ${text}`]);
      if (item.kind === 'list') {
        fail('wants a text', 'each disk is one text.');
        continue;
      }
      const remarks: OptionRemark[] = [];
      const spec = parseDisk(item.text, remarks);
      this.remarks('disk', item, remarks);
      if (typeof spec === 'string') {
        fail('not understood', spec);
        continue;
      }
      const place = placeOf(spec.vdev);
      const other = disks.find(disk => disk.place === place);
      if (place < 0) fail('no place for it', `the PC has four drives, hda to hdd, and ${spec.vdev} is none of them.`);
      else if (other) fail(`${spec.vdev} is taken`, `${spec.vdev} and ${other.vdev} of line ${other.at.line} are the same drive. Write another of hda to hdd.`);
      else {
        disks.push({ ...spec, place, at: { line: item.line, column: item.column } });
        this.diskVerdict(item, spec, place);
      }
    }
    return disks;
  }

  private diskVerdict(at: Position, spec: DiskSpec, place: number): void {
    const where = `${PLACES[place]}${spec.kind === 'cdrom' ? ', CD-ROM drive' : ''}`;
    if (spec.kind === 'cdrom' || (spec.readOnly && spec.vdev.startsWith('hd')))
      this.report(at, 'disk', 'used', where, `The ${spec.kind === 'cdrom' ? 'CD-ROM drive' : 'disk'} is the IDE ${PLACES[place]}${spec.target === '' ? ', with nothing in it' : ''}.`);
    else {
      const kept = spec.readOnly ? 'It is read only.' : 'What the guest writes is kept in memory; the file stays as it is.';
      const ide = spec.vdev.startsWith('hd') ? '' : ` ${spec.vdev} is an IDE disk: the PC has no other controller, and Xen emulates it so too.`;
      this.report(at, 'disk', 'approximated', spec.readOnly ? `${PLACES[place]}, read only` : `${PLACES[place]}; the file stays as it is`, `The disk is the IDE ${PLACES[place]}. ${kept}${ide}`);
    }
  }

  /** xl.cfg(5), boot: c, d, a and n; libxl's default is cda. */
  private bootOrder(): string {
    const setting = this.values.get('boot');
    const text = this.text('boot');
    if (!setting || text === undefined) return 'cd';
    const unknown = /[^acdn]/.exec(text)?.[0];
    if (unknown && !this.hasKernel()) {
      this.error(setting, `no device ‘${unknown}’`, 'the letters are c (disk), d (CD-ROM), a (floppy) and n (network). Write for example "dc".');
      return 'cd';
    }
    const order = [...new Set(text)].filter(letter => letter === 'c' || letter === 'd').join('');
    if (this.hasKernel()) return order;
    const names = [...order].map(letter => (letter === 'c' ? 'disks' : 'CD-ROM drives')).join(', then ');
    if (order === text) this.accept('boot', `${names}`, `The firmware tries ${names}.`);
    else if (order !== '') this.accept('boot', `${names}`, `The firmware tries ${names}; floppy and network are not built.`, 'approximated');
    else this.error(setting, 'nothing to boot from', 'floppy and network are not built. Write "c" for a disk or "d" for a CD-ROM.');
    return order;
  }

  /** xl-network-configuration(5); one finding for each card, and one for each option in its text. */
  private network(): Pick<Definition, 'nic' | 'mac' | 'rate'> {
    const setting = this.values.get('vif');
    if (setting?.value.kind !== 'list') return {};
    let card: Pick<Definition, 'nic' | 'mac' | 'rate'> = {};
    for (const [index, item] of setting.value.items.entries()) {
      if (item.kind === 'list') {
        this.reportOneOfMany(item, 'vif', 'error', () => ['wants a text', `vif = ${show(item)}: each card is one text.`]);
        continue;
      }
      const { mac, rate, remarks } = parseVif(item.text);
      if (index > 0) {
        const which = item.text.trim() === '' ? `Card ${index + 1}` : `Card ${index + 1} (${shortened(item.text.trim())})`;
        this.reportOneOfMany(item, 'vif', 'ignored', () => ['the first card counts', `${which} is left out: a guest has one card.`]);
        this.remarks('vif', item, remarks.map(remark => (remark.verdict === 'error' ? remark : { ...remark, verdict: 'ignored', short: 'its card is left out', text: 'The card is left out: a guest has one.' })));
        continue;
      }
      card = { nic: 'pcnet', ...(mac ? { mac } : {}), ...(rate ? { rate } : {}) };
      const address = mac ? `the station address ${mac}` : 'a station address drawn in 00:16:3e';
      this.report(item, 'vif', 'approximated', `PCNet card, ${mac ?? 'address drawn'}`, `The guest gets an AMD PCNet card (pcnet32) with ${address}, on the bridge xenbr0 with the other guests and a gateway: DHCP, DNS, TFTP and ping, no way further.`);
      this.remarks('vif', item, remarks);
    }
    return card;
  }

  private hasKernel(): boolean {
    const kernel = this.text('kernel');
    return kernel !== undefined && !isHvmloader(kernel);
  }

  private byRule(key: string, setting: Setting, type: DomainType): void {
    const rule = KEYS[key]!;
    const value = setting.value.kind === 'list' ? (setting.value.items.length === 0 ? '' : '[') : setting.value.text;
    if (!concerns(key, type))
      return this.report(setting, key, 'ignored', `nothing in a ${type.toUpperCase()} guest`, `${key} is for guests of other types: a ${type.toUpperCase()} guest has nothing that it could change.`);
    if (rule.verdict === 'used' || rule.fits?.(value))
      this.report(
        setting,
        key,
        'used',
        rule.verdict === 'used' ? rule.short : 'as asked',
        rule.verdict === 'used' ? rule.text : `This is how it is here: ${lowerFirst(rule.text)}`,
      );
    else this.report(setting, key, rule.verdict, rule.short, rule.text);
  }
}

const PLACES = ['primary master', 'primary slave', 'secondary master', 'secondary slave'];
/** Definitions of old name the firmware's loader as the kernel of a fully virtual guest. */
const isHvmloader = (kernel: string): boolean => /(^|\/)hvmloader(\.gz)?$/.test(kernel);

const EVENTS: Record<string, string> = { on_poweroff: 'powers off', on_reboot: 'asks for a reset', on_crash: 'crashes' };

function kindProblem(rule: KeyRule, value: Value): { short: string; text: string } | null {
  const isList = value.kind === 'list';
  switch (rule.type) {
    case 'any':
    case 'list or string':
      return null;
    case 'list':
      return isList ? null : { short: 'wants a list', text: `xl takes a list here. Write [ ${show(value)} ].` };
    case 'list or number':
      return isList || isNumber(value) ? null : { short: 'wants a number or a list', text: 'xl takes a number or a list here.' };
    case 'string':
    case 'action':
      return isList ? { short: 'wants one value', text: 'xl takes one string here, no list.' } : null;
    case 'number':
    case 'defbool': {
      if (isList) return { short: 'wants a number', text: 'xl takes one number here, no list.' };
      if (isNumber(value))
        return rule.type === 'number' || ['0', '1'].includes(value.text) ? null : { short: 'wants 0 or 1', text: 'xl takes 0 or 1 here.' };
      return numberHint(rule, value);
    }
  }
}

/** libxlu_cfg.c, xlu_cfg_get_long: a string counts as a number when strtol reads all of it. */
function isNumber(value: Value): value is Atom {
  return value.kind !== 'list' && /^\s*[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(value.text);
}

function toNumber(value: Value): number {
  if (value.kind === 'list') return NaN;
  const text = value.text.trim();
  // strtol with base 0, so a leading 0 means octal.
  return /^[-+]?0[0-7]+$/.test(text) ? parseInt(text, 8) : Number(text);
}

function numberHint(rule: KeyRule, value: Atom): { short: string; text: string } {
  if (rule.type === 'defbool') {
    const word = value.text.toLowerCase();
    const write = ['yes', 'true', 'on'].includes(word) ? ' Write 1.' : ['no', 'false', 'off'].includes(word) ? ' Write 0.' : '';
    return { short: 'wants 0 or 1', text: `xl takes 0 or 1 here.${write}` };
  }
  const size = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt])(i?b)?\s*$/i.exec(value.text);
  if (size && rule === KEYS.memory) {
    const mib = Math.round(Number(size[1]) * { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 }[size[2]!.toLowerCase() as 'k' | 'm' | 'g' | 't']);
    return { short: 'xl takes MiB as a number', text: `xl takes MiB as a number. Write ${mib}.` };
  }
  if (rule === KEYS.memory) return { short: 'xl takes MiB as a number', text: 'xl takes MiB as a number. Write for example 256.' };
  return { short: 'wants a number', text: 'xl takes a number here.' };
}

/** `a` with `b` behind it; a list grows where it is, since it may grow many times. */
function join(a: Value, b: Value): Value | null {
  if (a.kind === 'list' && b.kind === 'list') {
    for (const item of b.items) a.items.push(item);
    return a;
  }
  if (a.kind === 'list' || b.kind === 'list') return null;
  return { ...a, kind: 'string', text: a.text + b.text };
}

function kindName(value: Value): string {
  return value.kind;
}

function show(value: Value): string {
  if (value.kind === 'list') return '[…]';
  return value.kind === 'number' ? shortened(value.text) : `'${shortened(value.text)}'`;
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
