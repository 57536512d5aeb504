/**
 * Definitions as xend exported them (`xm list --long`, `xm create -x`): S-expressions. Source: xen/tools/python/xen/xend/sxp.py and XendConfig.py of Xen 4.1.
 *
 *   (domain (name x) (memory 512) (image (linux (kernel /k) (args 'root=…'))) (device (vbd (uname file:/d) (dev xvda:disk) (mode w))))
 */
import { KEYS } from './keys.ts';
import type { Language, Source } from './source.ts';
import { dashed } from './values.ts';
import {
  type Atom,
  lengthProblem,
  type List,
  MOST_NESTING,
  type Position,
  type Setting,
  shortened,
  type SyntaxProblem,
  type Value,
} from './xlcfg.ts';

/** Names that xend has others for. Lists of one item for each: what is said of them. */
const RENAMED: Record<string, string> = { args: 'extra', cpu_cap: 'cap', VCPUs_max: 'maxvcpus' };
/** What xend reported of a domain that ran, and of itself: nothing that was asked for. */
const TOLD = new Set(
  (
    'domid status state start_time cpu_time online_vcpus store_mfn console_mfn security_label shutdown_reason console shadow_memory pool_name bootable ' +
    'on_xend_start on_xend_stop features target pci s3_integrity memory_dynamic_max memory_dynamic_min memory_static_max memory_static_min other_config notes'
  ).split(' '),
);

const DEVICES: Record<string, string> = {
  disk: '(device (vbd (uname file:FILE) (dev hda:disk) (mode w)))',
  vif: '(device (vif (model pcnet)))',
};
const XEND: Language = {
  reader: 'xend',
  noun: 'field of xend',
  write: (key, value) =>
    DEVICES[key] ??
    (key === 'type'
      ? `(image (${value === 'hvm' ? value : 'linux'} …))`
      : key === 'kernel'
        ? `(kernel ${value}) in (image …)`
        : `(${key} ${value})`),
};

export function readSxp(source: string): Source {
  const tooLong = lengthProblem(source.length);
  if (tooLong) return { settings: [], problems: [{ line: 1, column: 1, text: tooLong }], lines: [] };
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const problems: SyntaxProblem[] = [];
  const tree = parse(text, problems);
  const read: Source = { settings: [], problems, lines: text.split('\n'), remarks: [], language: XEND };
  if (!tree) return { ...read, unread: true };
  const domain =
    nameOf(tree) === 'domain' || nameOf(tree) === 'vm'
      ? tree
      : tree.items.find((item): item is List => item.kind === 'list' && nameOf(item) === 'domain');
  if (domain) new Mapping(read).domain(domain);
  else
    problems.push({
      line: tree.line,
      column: tree.column,
      text: 'This is no domain as xend exported it: it does not begin with (domain.',
    });
  return domain ? read : { ...read, unread: true };
}

/** The first list; undefined where it cannot be read to its end. */
function parse(text: string, problems: SyntaxProblem[]): List | undefined {
  const token = /\s+|#[^\n]*|([()])|('(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")|(["'][\s\S]*)|([^\s()'"]+)/gy;
  const open: List[] = [];
  let line = 1,
    lineStart = 0;
  const fail = (at: Position, message: string): undefined =>
    void problems.push({ line: at.line, column: at.column, text: message });
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [whole, bracket, string, unclosed, atom] = match;
    const at = { line, column: match.index - lineStart + 1 };
    for (let i = whole.indexOf('\n'); i >= 0; i = whole.indexOf('\n', i + 1)) {
      line++;
      lineStart = match.index + i + 1;
    }
    if (unclosed) return fail(at, 'The string has no closing quote.');
    if (bracket === '(') {
      const list: List = { kind: 'list', items: [], ...at };
      if (open.length >= MOST_NESTING)
        return fail(at, `Lists are nested here more than ${MOST_NESTING} deep, and no definition has that.`);
      open.at(-1)?.items.push(list);
      open.push(list);
    } else if (bracket === ')') {
      const list = open.pop();
      if (!list) return fail(at, 'There is a ")" too many.');
      if (open.length === 0) return list;
    } else if (string !== undefined || atom !== undefined) {
      if (open.length === 0) return fail(at, 'A definition of xend begins with "(".');
      const value = string === undefined ? atom : string.slice(1, -1).replace(/\\([\s\S])/g, '$1');
      open
        .at(-1)!
        .items.push({ kind: string === undefined && /^\d+$/.test(value) ? 'number' : 'string', text: value, ...at });
    }
  }
  const last = open.at(-1);
  return fail(last ?? { line: 1, column: 1 }, '"(" is never closed: ")" is missing.');
}

const nameOf = (list: List): string => {
  const first = list.items[0];
  return first && first.kind !== 'list' ? first.text : '';
};

/** The lists in a list, by their names. */
const fieldsOf = (list: List): { name: string; field: List; values: Value[] }[] =>
  list.items
    .slice(1)
    .flatMap(item => (item.kind === 'list' ? [{ name: nameOf(item), field: item, values: item.items.slice(1) }] : []));

/** xend's fields as the keys that xl has for them. */
class Mapping {
  private readonly source: Source;
  private readonly disks: Value[] = [];
  private readonly cards: Value[] = [];
  /** A boot loader is named: what it had found when the domain was started does not count. */
  private hasLoader = false;

  constructor(source: Source) {
    this.source = source;
  }

  domain(domain: List): void {
    this.hasLoader = fieldsOf(domain).some(
      ({ name, values: [value] }) =>
        name === 'bootloader' && value !== undefined && value.kind !== 'list' && value.text !== '',
    );
    for (const { name, field, values } of fieldsOf(domain)) {
      if (name === 'image') this.image(values[0], field);
      else if (name === 'device') this.device(values[0], field);
      else if (name === 'cpus') this.cpus(values, field);
      else this.set(name, field, values);
    }
    this.list('disk', this.disks);
    this.list('vif', this.cards);
  }

  private setting(key: string, at: Position, value: Value): void {
    const said = value.kind === 'list' ? {} : { origin: { said: `(${key} ${shortened(value.text)})` } };
    this.source.settings.push({
      key,
      append: false,
      value: { ...said, ...value },
      line: at.line,
      column: at.column,
    } satisfies Setting);
  }

  private list(key: string, items: Value[]): void {
    if (items.length > 0)
      this.setting(key, items[0], { kind: 'list', items, line: items[0].line, column: items[0].column });
  }

  private ignore(name: string, at: Position, text: string): void {
    this.source.remarks?.push({
      line: at.line,
      column: at.column,
      key: shortened(name),
      verdict: 'ignored',
      short: 'reported by xend',
      text,
    });
  }

  private set(name: string, field: List, values: Value[]): void {
    // xend writes what is not set, too.
    const key = Object.hasOwn(RENAMED, name) ? RENAMED[name] : name;
    if (
      values.length === 0 ||
      (values.length === 1 && values[0].kind !== 'list' && ['', 'None'].includes(values[0].text))
    )
      return;
    if (
      this.hasLoader &&
      (name === 'kernel' || name === 'ramdisk') &&
      /^\/var\/(lib|run)\/(xen|xend)\/(tmp|boot)\//.test(textIn(values))
    )
      return this.ignore(
        name,
        field,
        'This is what the boot loader had found when the domain was started: it looks again.',
      );
    if (TOLD.has(name))
      return this.ignore(name, field, `${name} is what xend reported about the domain, not a setting.`);
    // xl calls the card by its name.
    if (key === 'stdvga' && values[0].kind !== 'list' && /^[01]$/.test(values[0].text))
      return this.setting('vga', field, {
        ...values[0],
        kind: 'string',
        text: values[0].text === '1' ? 'stdvga' : 'cirrus',
      });
    if (key === 'uuid' && values[0].kind !== 'list')
      return this.setting(key, field, { ...values[0], kind: 'string', text: dashed(values[0].text) });
    const wantsList = Object.hasOwn(KEYS, key) && KEYS[key].type === 'list';
    this.setting(
      key,
      field,
      values.length === 1 && !wantsList
        ? flat(values[0])
        : { kind: 'list', items: values, line: values[0].line, column: values[0].column },
    );
  }

  /** (image (linux (kernel …) …)) or (image (hvm …)). */
  private image(image: Value | undefined, field: List): void {
    if (image?.kind !== 'list')
      return void this.source.problems.push({
        line: field.line,
        column: field.column,
        text: 'image has no kind: it is written (image (linux …)) or (image (hvm …)).',
      });
    this.setting('builder', image, { kind: 'string', text: nameOf(image), line: image.line, column: image.column });
    for (const { name, field: inner, values } of fieldsOf(image)) this.set(name, inner, values);
  }

  /** (cpus ((0 1) (2))): a list a vCPU. */
  private cpus(values: Value[], field: List): void {
    const lists = (values[0]?.kind === 'list' ? values[0].items : values).flatMap((item): Value[] => {
      if (item.kind !== 'list') return [item];
      if (item.items.length === 0) return [];
      return [
        {
          kind: 'string',
          text: item.items.map(cpu => (cpu.kind === 'list' ? '' : cpu.text)).join(','),
          line: item.line,
          column: item.column,
        },
      ];
    });
    // One list is for all vCPUs.
    if (lists.length === 1) this.setting('cpus', field, lists[0]);
    else if (lists.length > 1)
      this.setting('cpus', field, { kind: 'list', items: lists, line: field.line, column: field.column });
  }

  private device(device: Value | undefined, field: List): void {
    if (device?.kind !== 'list') return;
    const kind = nameOf(device);
    const { line, column } = device;
    const texts = new Map(
      fieldsOf(device).flatMap(({ name, values: [value] }) =>
        value && value.kind !== 'list' && value.text !== '' ? [[name, value.text] as const] : [],
      ),
    );
    // Where each option is, by its name in xl.
    const parts = Object.fromEntries(
      fieldsOf(device).flatMap(({ name, values: [value] }) =>
        value && value.kind !== 'list'
          ? [
              [
                { uname: 'target', dev: 'vdev', mode: 'access' }[name] ?? name,
                { line: value.line, column: value.column, said: `(${name} ${shortened(value.text)})` },
              ],
            ]
          : [],
      ),
    );
    const text = (value: string): Atom => ({
      kind: 'string',
      text: value,
      line,
      column,
      origin: { said: `(${kind}${texts.has('dev') ? ` (dev ${shortened(texts.get('dev')!)})` : ' …'})`, parts },
    });
    if (kind === 'vbd' || kind === 'tap' || kind === 'tap2') {
      const [dev = '', type] = (texts.get('dev') ?? '').replace(/^ioemu:/, '').split(':');
      const mode = texts.get('mode') ?? 'w';
      const uname = texts.get('uname') ?? '';
      const tapped = kind === 'vbd' ? [] : ['backendtype=tap'];
      // A path with a comma is last, by name.
      if (uname.includes(','))
        this.disks.push(
          text(
            [
              `vdev=${dev}`,
              `access=${mode}`,
              ...(type === 'cdrom' ? ['cdrom'] : []),
              ...tapped,
              `target=${uname.replace(/^(tap2?:)?(file|phy|aio):/, '')}`,
            ].join(','),
          ),
        );
      else {
        // Behind a prefix there is no format.
        const form = /^[a-z0-9]+:/.test(uname) || (uname === '' && type === 'cdrom') ? [] : [''];
        this.disks.push(text([uname, ...form, type === 'cdrom' ? `${dev}:cdrom` : dev, mode, ...tapped].join(',')));
      }
    } else if (kind === 'vif') {
      const options = ['mac', 'bridge', 'model', 'type', 'script', 'ip', 'rate', 'vifname']
        .flatMap(name => (texts.has(name) ? [`${name}=${texts.get(name)}`] : []))
        // xend's word for a card that is for PV drivers alone.
        .map(option => (option === 'type=netfront' ? 'type=vif' : option));
      this.cards.push(text(options.join(',')));
    } else if (Object.hasOwn(KEYS, kind))
      this.setting(kind, device, {
        kind: 'list',
        items: [text([...texts].map(pair => pair.join('=')).join(','))],
        line,
        column,
      });
    else
      this.ignore(
        kind || 'device',
        field,
        `There is no device ${shortened(kind)} here${kind === 'console' ? ': every guest has its console' : ''}.`,
      );
  }
}

const textIn = ([value]: Value[]): string => (value && value.kind !== 'list' ? value.text : '');

/** One value, as xend nests it. */
const flat = (value: Value): Value =>
  value.kind === 'list' && value.items.length === 1 ? flat(value.items[0]) : value;
