/**
 * What a definition means here: one verdict for every key, and the domain that comes of it.
 * Meanings and defaults: xl.cfg(5) of Xen 4.17 and xen/tools/xl/xl_parse.c.
 */
import type { Finding, Verdict } from '../api.ts';
import { KEYS, type KeyRule, nearest } from './keys.ts';
import { type Atom, parseXlConfig, type Position, type Setting, type Value } from './xlcfg.ts';

export type DomainType = 'hvm' | 'pv' | 'pvh';
/** What happens to a domain that stopped. */
export type Action = 'destroy' | 'restart' | 'preserve';

/** A domain as a definition asks for it. Paths are as they were written. */
export interface Definition {
  name: string;
  type: DomainType;
  memoryMiB: number;
  vcpus: number;
  kernel?: string;
  ramdisk?: string;
  cmdline: string;
  onPoweroff: Action;
  onReboot: Action;
  onCrash: Action;
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
/** Up to here RAM is contiguous below the PCI hole. */
const MAX_MEMORY_MIB = 2047;

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

export function judgeDefinition(file: string, source: string): Judgement {
  return new Judge(file, source).judge();
}

class Judge {
  readonly file: string;
  readonly lines: string[];
  readonly settings: Setting[];
  readonly findings: Finding[] = [];
  /** The setting that counts for each key, with += applied. */
  readonly values = new Map<string, Setting>();

  constructor(file: string, source: string) {
    const parsed = parseXlConfig(source);
    this.file = file;
    this.lines = parsed.lines;
    this.settings = parsed.settings;
    for (const { text, ...at } of parsed.problems) this.report(at, '', 'error', 'not understood', text);
  }

  judge(): Judgement {
    for (const setting of this.settings) this.collect(setting);
    const definition = this.definition();
    for (const [key, setting] of this.values) {
      if (!this.findings.some(f => f.key === key && f.line === setting.line)) this.byRule(key, setting);
    }
    this.findings.sort((a, b) => a.line - b.line || a.column - b.column);
    const valueAt = new Map([...this.values].map(([key, { value }]) => [key, { line: value.line, column: value.column }]));
    return { definition, findings: this.findings, valueAt };
  }

  private report(at: Position, key: string, verdict: Verdict, short: string, text: string): void {
    this.findings.push({ file: this.file, line: at.line, column: at.column, source: this.lines[at.line - 1] ?? '', key, verdict, short, text });
  }

  private error(setting: Setting, short: string, text: string): void {
    this.report(setting.value, setting.key, 'error', short, `${setting.key} = ${show(setting.value)}: ${text}`);
  }

  /** Checks that the key exists and its value has the right kind; keeps the last setting of each key. */
  private collect(setting: Setting): void {
    const { key, value } = setting;
    const rule = KEYS[key];
    if (!rule || !Object.hasOwn(KEYS, key)) {
      const near = nearest(key, Object.keys(KEYS));
      this.report(
        setting,
        key,
        'error',
        near ? `unknown; did you mean ${near}?` : 'unknown key',
        `${key} is no key of xl.cfg.${near ? ` Did you mean ${near}?` : ' Remove the line or turn it into a comment with #.'}`,
      );
      return;
    }
    const problem = kindProblem(rule, value);
    if (problem) return this.error(setting, problem.short, problem.text);
    const before = this.values.get(key);
    if (before && setting.append) {
      const joined = join(before.value, value);
      if (!joined)
        return this.error(
          setting,
          'cannot be added',
          `a ${kindName(value)} cannot be added to the ${kindName(before.value)} of line ${before.line}.`,
        );
      this.values.set(key, { ...before, value: joined });
      return;
    }
    if (before)
      this.report(before, key, 'ignored', `set again on line ${setting.line}`, `${key} is set again on line ${setting.line}; the last one counts.`);
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
      cmdline: this.cmdline(),
      onPoweroff: this.action('on_poweroff', 'destroy'),
      onReboot: this.action('on_reboot', 'restart'),
      onCrash: this.action('on_crash', 'destroy'),
    };
    const kernel = this.text('kernel'),
      ramdisk = this.text('ramdisk');
    if (kernel) definition.kernel = kernel;
    if (ramdisk) definition.ramdisk = ramdisk;
    this.kernel(definition);
    return definition;
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
        'error',
        'no type means PV',
        'Without a type xl builds a PV guest, which needs hypercalls that are not built yet. Write type = "hvm" to start the kernel on a PC.',
      );
      return 'pv';
    }
    const value = setting.value.kind === 'list' ? '' : setting.value.text;
    if (setting.key === 'builder') {
      if (value === 'hvm') {
        this.accept(
          'builder',
          'old spelling of type = "hvm"',
          'builder is the spelling of Xen 4.9 and older; the guest starts as with type = "hvm".',
          'approximated',
        );
        return 'hvm';
      }
      this.error(
        setting,
        'PV is not built yet',
        'this asks for a PV guest, which needs hypercalls that are not built yet. Write type = "hvm" to start the kernel on a PC.',
      );
      return 'pv';
    }
    if (value === 'hvm') this.accept('type', 'fully virtual machine', 'The guest starts on a fully virtual PC; Xen does not show itself to it yet.');
    else if (value === 'pv' || value === 'pvh') {
      this.error(
        setting,
        `${value.toUpperCase()} is not built yet`,
        `a ${value.toUpperCase()} guest needs Xen's hypercalls, which are not built yet. Write type = "hvm" to start the kernel on a PC.`,
      );
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

  private vcpus(): number {
    const setting = this.values.get('vcpus');
    if (!setting) return 1;
    const vcpus = toNumber(setting.value);
    if (vcpus < 1) this.error(setting, 'at least 1', 'a guest needs at least one processor.');
    else if (vcpus > 1)
      this.accept(
        'vcpus',
        '1 until the PC has several',
        `The guest gets 1 processor instead of ${vcpus}, until the PC can have several.`,
        'approximated',
      );
    else this.accept('vcpus', '1 processor', 'The guest gets one processor.');
    return 1;
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

  private kernel(definition: Definition): void {
    const setting = this.values.get('kernel');
    if (setting && definition.kernel && !/(^|\/)hvmloader$/.test(definition.kernel)) {
      this.accept('kernel', 'started directly', 'The kernel is loaded and started without firmware.');
      this.accept('ramdisk', 'handed to the kernel', 'The initial RAM disk is handed to the kernel.');
      return;
    }
    const why = 'there is no firmware yet that could boot a disk. Write kernel = "FILE" and drop that file too.';
    if (setting) this.error(setting, 'needs firmware and a disk', `this boots from a disk, and ${why}`);
    else if (!this.settings.some(s => s.key === 'kernel')) {
      this.report({ line: 1, column: 1 }, 'kernel', 'error', 'missing', `The definition has no kernel, and ${why}`);
    }
    this.accept('ramdisk', 'no kernel to hand it to', 'A RAM disk needs a kernel.', 'ignored');
  }

  private byRule(key: string, setting: Setting): void {
    const rule = KEYS[key]!;
    const value = setting.value.kind === 'list' ? (setting.value.items.length === 0 ? '' : '[') : setting.value.text;
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

function join(a: Value, b: Value): Value | null {
  if (a.kind === 'list' && b.kind === 'list') return { ...a, items: [...a.items, ...b.items] };
  if (a.kind === 'list' || b.kind === 'list') return null;
  return { ...a, kind: 'string', text: a.text + b.text };
}

function kindName(value: Value): string {
  return value.kind;
}

function show(value: Value): string {
  if (value.kind === 'list') return '[…]';
  return value.kind === 'number' ? value.text : `'${value.text}'`;
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text;
}
