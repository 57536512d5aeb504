/** A host for working on the page alone (vite's server with ?fake): no guest runs here. Not part of any build. */
import type { ConsoleInput, DomainInfo, Finding, HostApi, NamedFile, Plan, Task } from '../dom0/api.ts';
import { COUNTERS, COUNTER_WORDS, SCREEN, SCREEN_BYTES } from '../hypervisor/layout.ts';

export function fakeHost(): HostApi {
  const domains: DomainInfo[] = [];
  const tasks: Task[] = [];
  let listener: (d: DomainInfo[], t: Task[]) => void = () => {};
  const changed = () => listener(structuredClone(domains), structuredClone(tasks));
  const task = (command: string, message?: string) => { tasks.push({ id: tasks.length, command, state: message ? 'failed' : 'done', startedMs: Date.now(), durationMs: 12 + tasks.length, message }); changed(); };
  const memory = new SharedArrayBuffer(1 << 20);
  const judge = async (files: NamedFile[]): Promise<Plan> => {
    const cfg = files.find(f => f.name.endsWith('.cfg'));
    if (!cfg) throw new Error('No definition and no kernel among the files. Drop an xl .cfg, or a kernel.');
    const text = await cfg.data.text();
    const findings: Finding[] = [], errors: Finding[] = [];
    text.split('\n').forEach((source, i) => {
      const m = /^\s*(\w+)\s*=\s*(.*)$/.exec(source);
      if (!source.trim() || /^\s*#/.test(source)) return;
      const base = { file: cfg.name, line: i + 1, column: source.indexOf('=') + 3, source, key: m?.[1] ?? '' };
      if (!m) errors.push({ ...base, column: 1, verdict: 'error', short: 'Not KEY = VALUE.', text: `${cfg.name}, line ${i + 1}, column 1: '${source}' is not KEY = VALUE. Write a key of xl.cfg(5), = and its value.` });
      else if (m[1] === 'memory' && !/^\d+$/.test(m[2]!)) errors.push({ ...base, verdict: 'error', short: 'xl wants MiB as a number.', text: `${cfg.name}, line ${i + 1}, column ${base.column}: memory = ${m[2]}: xl takes MiB as a number. Write 2048.` });
      else if (m[1] === 'vcpus') findings.push({ ...base, verdict: 'approximated', short: '1 vCPU for now.', text: 'vcpus above 1 start with one: this PC has one processor so far.' });
      else if (m[1] === 'vif') findings.push({ ...base, verdict: 'ignored', short: 'No network card yet.', text: 'vif is ignored: this PC has no network card yet. The guest starts without one.' });
      else if (m[1] === 'ramdisk' && !files.some(f => m[2]!.includes(f.name))) errors.push({ ...base, verdict: 'missing', short: 'Not among the dropped files.', text: `${m[2]} is not among the dropped files. Drop it too, or remove the line.` });
      else findings.push({ ...base, verdict: 'used', short: m[1] === 'kernel' ? 'Your dropped file, 5.6 MiB.' : 'As written.', text: `${m[1]} is used as written.` });
    });
    return { name: /name\s*=\s*["'](\w+)/.exec(text)?.[1] ?? '', errors, findings, definition: cfg.name, summary: { memoryMiB: 64, vcpus: 1, type: 'hvm', kernel: files.find(f => f !== cfg)?.name, cmdline: 'console=ttyS0' } };
  };
  return {
    async info() { return { version: '0.1.0', mode: 'shared', memoryMiB: 512, freeMiB: 512 - 64 * domains.length }; },
    plan: judge,
    async create(files) {
      const plan = await judge(files);
      if (plan.errors.length) { const message = plan.errors[0]!.text; task('xl create x', message); throw new Error(message); }
      const domain: DomainInfo = { id: domains.length + 1, name: plan.name || 'demo', state: 'r', type: 'hvm', memoryMiB: 64, vcpus: 1, definition: 'demo.cfg' };
      domains.push(domain);
      task(`xl create ${domain.definition}`);
      return domain;
    },
    async list() { return structuredClone(domains); },
    async view(id) {
      const at = (id - 1) * 200_000 & ~63;
      const counters = new Int32Array(memory, at, COUNTER_WORDS), screen = new Int32Array(memory, at + 4096, SCREEN_BYTES / 4);
      const channel = new MessageChannel();
      const say = (text: string) => channel.port1.postMessage(new TextEncoder().encode(text));
      say('\x1b]0;evil title\x07Ringside demo: \x1b[32mserial line\x1b[0m ready\r\n# ');
      channel.port1.onmessage = e => { const m = e.data as ConsoleInput; if ('serial' in m && new TextDecoder().decode(m.serial) === 'F') setInterval(() => say(Array.from({ length: 250 }, (_, i) => `\x1b[3${i % 8}m[ ${Math.random().toFixed(6)}] a line of kernel output that is about this long, more or less\x1b[0m\r\n`).join('')), 4); if ('serial' in m) say(new TextDecoder().decode(m.serial).replace(/\r/g, '\r\n# ')); else text(5, `key ${m.key} ${m.down ? 'down' : 'up  '}          `, 0x0e); };
      screen.set([0, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa, 0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff], SCREEN.PALETTE);
      Object.assign(screen, { [SCREEN.MODE]: 1, [SCREEN.WIDTH]: 80, [SCREEN.HEIGHT]: 25, [SCREEN.CELL_HEIGHT]: 16, [SCREEN.CURSOR]: 80 * 7 + 2, [SCREEN.CURSOR_SHAPE]: 14 | 15 << 8 });
      const cells = new Uint16Array(memory, at + 4096 + SCREEN.DATA * 4, 2000).fill(0x0720);
      const text = (row: number, line: string, attribute: number) => { [...line].forEach((c, i) => { cells[row * 80 + i] = attribute << 8 | c.charCodeAt(0) & 255; }); screen[SCREEN.GENERATION]!++; };
      text(0, ' Ringside demo                                                    COM1 and VGA '.slice(0, 80), 0x1f);
      text(2, 'Protected mode, 32 bit. PIT at 100 Hz.', 0x07);
      for (let i = 0; i < 256; i++) cells[80 * (10 + (i >> 6)) + 4 + (i & 63)] = 0x0b00 | i;
      text(7, '> ', 0x0a);
      setInterval(() => {
        const d = domains.find(d => d.id === id);
        if (!d) return;
        counters[COUNTERS.STATE] = d.state.charCodeAt(0);
        if (d.state === 'p') return;
        const add = (w: number, n: number) => { const v = (counters[w]! >>> 0) + n; counters[w] = v; counters[w + 1]! += Math.floor(v / 2 ** 32); };
        add(COUNTERS.RETIRED, 800_000 + Math.random() * 300_000); add(COUNTERS.RUN_NS, 7e6 * Math.random() + 2e6); add(COUNTERS.NOW_NS, 1e7); add(COUNTERS.EXITS_TOTAL, 40);
        counters[COUNTERS.EXITS + 30]! += 25; counters[COUNTERS.EXITS + 12]! += 10; counters[COUNTERS.EXITS + 1]! += 3; counters[COUNTERS.EXITS + 48]! += 2; counters[COUNTERS.EXITS + 10]! += 0; if (Math.random() < 0.01) counters[COUNTERS.EXITS + 10]! += 1;
        text(20, `ticks ${counters[COUNTERS.RETIRED]}`, 0x08);
      }, 10);
      return { memory, countersOffset: at, screenOffset: at + 4096, console: channel.port2 };
    },
    async pause(id) { domains.find(d => d.id === id)!.state = 'p'; task('xl pause'); },
    async unpause(id) { domains.find(d => d.id === id)!.state = 'r'; task('xl unpause'); },
    async reset() { task('xl trigger demo reset'); },
    async shutdown(id) { const d = domains.find(d => d.id === id)!; d.state = 's'; d.ended = 'powered off'; task('xl shutdown demo'); },
    async destroy(id) { domains.splice(domains.findIndex(d => d.id === id), 1); task('xl destroy demo'); },
    async save() { throw new Error('The fake cannot save.'); },
    async restore() { throw new Error('The fake cannot restore.'); },
    async subscribe(l) { listener = l; changed(); },
  };
}
