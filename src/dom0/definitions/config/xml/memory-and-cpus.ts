/** How much memory a guest has and may have, and its vCPUs with their pins. */
import { ALWAYS_SHOWN, nameFromLibvirt } from '../keys/cpuid-flags.ts';
import { approximated, ignored, used } from '../options.ts';
import { USUAL_PERIOD_US } from '../write-xml.ts';
import { shortened, type Value } from '../xlcfg.ts';
import { childOf, type Element, scaleOf, tag } from './tree.ts';
import { isNumber, notHere, type XmlReading } from './reading.ts';

/** A size in MiB, rounded up; undefined: it is none, which was reported. */
function sizeOf(read: XmlReading, element: Element, text = element.text): number | undefined {
  const kib = kibOf(read, element, text);
  return kib === undefined ? undefined : Math.ceil(kib / 1024);
}

/** The same in KiB, as libvirt has it (virDomainParseMemory()). */
function kibOf(read: XmlReading, element: Element, text = element.text): number | undefined {
  const { unit = 'KiB' } = element.attributes;
  const scale = scaleOf(unit);
  if (scale === undefined)
    return void read.problem(
      element.places.unit,
      `unit='${shortened(unit)}' is none of libvirt's units. Write KiB, MiB or GiB.`,
    );
  if (!isNumber(text))
    return void read.problem(element, `<${element.name}> wants a whole number, and has ‘${shortened(text)}’.`);
  return Math.ceil((Number(text) * scale) / 1024);
}

/** Memory that may be added while it runs (virDomainDefParseMemory()). */
export function readMaximum(read: XmlReading, maximum: Element | undefined, memory: Element | undefined): void {
  const { slots = '' } = maximum?.attributes ?? {};
  if (!maximum || (slots === '' && maximum.text === '')) return;
  if (slots !== '' && !/^\d+$/.test(slots))
    return read.problem(
      maximum.places.slots,
      `slots='${shortened(slots)}' is no count of memory slots. Write a whole number.`,
    );
  const size = maximum.text === '' ? 0 : sizeOf(read, maximum);
  if (size === undefined) return;
  if (Number(slots) === 0 || maximum.text === '')
    return read.problem(
      maximum,
      "Both maximum memory size and memory slot count must be specified. Write <maxMemory slots='4' unit='MiB'>1024</maxMemory>, or take it out.",
    );
  const { unit = 'KiB' } = memory?.attributes ?? {};
  const actual =
    memory && isNumber(memory.text) ? Math.ceil((Number(memory.text) * (scaleOf(unit) ?? 0)) / 2 ** 20) : 0;
  if (size < actual)
    read.problem(
      maximum,
      `Maximum memory size must be equal or greater than the actual memory size: ${size} MiB is less than ${actual} MiB.`,
    );
}

export function readMemory(read: XmlReading, key: string, element: Element): void {
  // Of none and of zero the cells were asked.
  if (element.text === '' || /^0+$/.test(element.text)) return;
  const kib = kibOf(read, element);
  if (kib !== undefined) setSize(read, key, element, kib);
}

function setSize(read: XmlReading, key: string, element: Element, kib: number): void {
  read.set(key, element, String(Math.ceil(kib / 1024)), 'number', tag(element));
  const { value } = read.source.settings.at(-1)!;
  if (kib % 1024 !== 0 && value.kind !== 'list') value.exactKiB = kib;
}

/** libvirt has no default: without <memory> the cells of <numa> say how much there is. */
export function readCells(read: XmlReading, domain: Element, memory: Element | undefined): void {
  const cells = childOf(childOf(domain, 'cpu'), 'numa')?.children.filter(({ name }) => name === 'cell') ?? [];
  const sizes = cells.map(cell => sizeOf(read, cell, cell.attributes.memory ?? ''));
  const sum = sizes.reduce<number>((all, size) => all + (size ?? 0), 0);
  if (sum > 0) return read.set('memory', cells[0], String(sum), 'number', "<cell memory='…'>");
  read.problem(
    memory ?? domain,
    "Memory size must be specified via <memory> or in the <numa> configuration. Write for example <memory unit='MiB'>256</memory> in <domain>.",
  );
}

export function readCurrentMemory(read: XmlReading, element: Element, memory: Element | undefined): void {
  const size = element.text === '' || /^0+$/.test(element.text) ? undefined : kibOf(read, element);
  const most =
    memory && isNumber(memory.text) && scaleOf(memory.attributes.unit ?? 'KiB') ? kibOf(read, memory) : undefined;
  const least = Math.min(size ?? Infinity, most ?? Infinity);
  if (size !== undefined && most !== undefined && size > most)
    read.remark(
      element,
      'memory',
      approximated(
        'as <memory>',
        `<currentMemory> is more than <memory>, and the guest gets no more than that: ${Math.ceil(most / 1024)} MiB.`,
      ),
    );
  if (Number.isFinite(least)) setSize(read, 'memory', element, least);
}

/** xenFormatXLCPUID() of libvirt's src/libxl/xen_xl.c: what becomes of a feature by its policy. */
const POLICIES: Readonly<Record<string, number>> = { disable: 0, forbid: 0, force: 1, require: 1 };

/** <feature> of <cpu>: flags of `cpuid`, behind that of the architecture. */
export function readFeaturesOfCpu(read: XmlReading, cpu: Element | undefined): void {
  const flags: string[] = [];
  for (const element of cpu?.children.filter(({ name }) => name === 'feature') ?? []) {
    const { name = '', policy = 'require' } = element.attributes,
      value = POLICIES[policy],
      flag = nameFromLibvirt(name);
    if (flag !== undefined && value !== undefined) flags.push(`${flag}=${value}`);
    else if (ALWAYS_SHOWN.includes(name))
      read.remark(
        element,
        'cpu.feature',
        value === 0
          ? ignored('always shown', `${name}: every processor here shows it.`)
          : used('as asked', `${name}: every processor here shows it.`),
      );
    else if (flag === undefined)
      read.remark(
        element,
        'cpu.feature',
        value === 0
          ? used('not shown', `${shortened(name)}: no processor here shows it.`)
          : ignored('not here', `${shortened(name)}: no processor here has it.`),
      );
  }
  if (flags.length === 0) return;
  const set = read.source.settings.find(({ key }) => key === 'cpuid');
  if (set?.value.kind === 'string') set.value.text = [set.value.text, ...flags].join(',');
  else read.set('cpuid', cpu!, ['host', ...flags].join(','), 'string', '<cpu><feature …/>');
}

export function readVcpus(read: XmlReading, element: Element): void {
  const { current, cpuset } = element.attributes;
  if (!isNumber(element.text))
    return read.problem(
      element,
      `${tag(element)}: the maximum number of vCPUs is a whole number. Write for example <vcpu>1</vcpu>.`,
    );
  read.set(current ? 'maxvcpus' : 'vcpus', element, element.text, 'number', tag(element));
  if (cpuset) read.set('cpus', element.places.cpuset, cpuset, 'string', tag(element, 'cpuset'));
  if (!current || !isNumber(current)) return;
  if (Number(current) > Number(element.text))
    read.problem(
      element.places.current,
      `<vcpu current='${current}'>${element.text}</vcpu>: current is above the number of vCPUs that there may be. Write current='${element.text}' or less, or <vcpu>${current}</vcpu>.`,
    );
  else read.set('vcpus', element.places.current, current, 'number', tag(element, 'current'));
}

/** A quota in each period, in microseconds: a cap in per cent of a processor. Less than none is none. */
function readQuota(read: XmlReading, element: Element, cputune: Element): void {
  const period = Number(childOf(cputune, 'period')?.text ?? USUAL_PERIOD_US),
    quota = Number(element.text);
  // Values beyond their bounds were reported with the element.
  if (!(period > 0 && quota > 0)) return;
  read.set('cap', element, String(Math.max(1, Math.round((quota / period) * 100))), 'number', tag(element));
}

/** Pins of single vCPUs: xl's list of one entry for each; and shares of processor time. */
export function readCputune(read: XmlReading, cputune: Element, domain: Element): void {
  const vcpu = domain.children.find(({ name }) => name === 'vcpu');
  const pins: Value[] = [];
  const pinned = new Set<number>();
  for (const element of cputune.children) {
    const { name, line, column, attributes } = element;
    if (name === 'shares') {
      if (isNumber(element.text)) read.set('cpu_weight', element, element.text, 'number', tag(element));
      continue;
    }
    // Reported with the quota.
    if (name === 'period' && read.type.capIsQuota) continue;
    if (name === 'quota' && read.type.capIsQuota) {
      readQuota(read, element, cputune);
      continue;
    }
    if (name !== 'vcpupin') {
      read.remark(element, name, notHere('This tunes a host with other means than this one has.'));
      continue;
    }
    const number = /^\d{1,3}$/.test(attributes.vcpu ?? '') ? Number(attributes.vcpu) : undefined;
    // Reported with the attributes.
    if (number === undefined || !attributes.cpuset) continue;
    if (number >= Number(vcpu?.text || 1)) {
      read.remark(element, name, ignored('no such vCPU', `The guest has no vCPU ${number}: this pin is left out.`));
      continue;
    }
    if (pinned.has(number)) {
      read.problem(element.places.vcpu, `Duplicate vcpupin for vcpu '${number}'. Give each vCPU one.`);
      continue;
    }
    pinned.add(number);
    const all: Value = { kind: 'string', text: vcpu?.attributes.cpuset ?? 'all', line, column };
    while (pins.length <= number) pins.push(all);
    pins[number] = {
      kind: 'string',
      text: attributes.cpuset,
      line,
      column,
      origin: { said: tag(element, 'cpuset') },
    };
  }
  const { line, column } = cputune;
  if (pins.length > 0)
    read.source.settings.push({
      key: 'cpus',
      append: false,
      value: { kind: 'list', items: pins, line, column, origin: { said: "<vcpupin cpuset='…'>" } },
      line,
      column,
    });
}
