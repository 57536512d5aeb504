import { describe, expect, it } from 'vitest';
import { bootRefusal, defaultGrubConfig, hostBootOf, KVM_BOOT } from './boot-host.ts';
import { BootMenu } from './boot-menu.ts';
import { readGrubConfig } from '../../../host/boot-loader/grub-config.ts';
import { drawMenu, menuSequences } from './menu-screen.ts';
import { MenuSession } from './menu-session.ts';

function makeMenu(source = defaultGrubConfig(), wanted?: string) {
  const clock = { ms: 1000 };
  const menu = new BootMenu({
    config: readGrubConfig(source),
    nowMs: () => clock.ms,
    refuses: bootRefusal,
    ...(wanted === undefined ? {} : { wanted }),
  });
  const press = (...keys: string[]): void => keys.forEach(key => menu.press({ key }));
  const type = (text: string): void => menu.press({ text });
  const shown = (): string[] => drawMenu(menu, 'Boot menu').rows.map(row => row.trimEnd());
  return { menu, clock, press, type, shown };
}
const MANY = `set timeout=5\n${Array.from({ length: 20 }, (_, i) => `menuentry 'entry ${i}' {\nmultiboot2 /boot/xen.gz n=${i}\nmodule2 /boot/domain0\n}`).join('\n')}`;

describe('the boot menu', () => {
  it('takes the default when the countdown is over', () => {
    const { menu, clock, shown } = makeMenu(`${defaultGrubConfig()}set timeout=5\nset default=xen-no-vt\n`);
    expect(shown()[22]).toBe('   The highlighted entry will be executed automatically in 5s.');
    clock.ms += 4900;
    menu.tick();
    expect(menu.secondsLeft).toBe(1);
    expect(menu.choice).toBeUndefined();
    clock.ms += 100;
    menu.tick();
    expect(hostBootOf(menu.choice)).toEqual({
      title: 'Ringside VM Server without VT, with Xen 4.17 (standard computer)',
      hypervisor: 'xen',
      xenCommandLine: 'loglvl=all guest_loglvl=all cpuid=no-vmx',
      dom0CommandLine: 'root=/dev/sda2',
    });
  });

  it('waits once a key was pressed', () => {
    const { menu, clock, press, shown } = makeMenu();
    press('down');
    clock.ms += 1e6;
    menu.tick();
    expect(menu.choice).toBeUndefined();
    expect(shown().join('\n')).not.toContain('automatically');
    expect(shown()[4]).toContain('│*Ringside VM Server without VT, with Xen 4.17 (standard computer)');
    press('up', 'enter');
    expect(hostBootOf(menu.choice)?.xenCommandLine).toBe('loglvl=all guest_loglvl=all');
  });

  it('counts from when it is seen', () => {
    const { menu, clock } = makeMenu(`${defaultGrubConfig()}set timeout=2\n`);
    clock.ms += 1900;
    menu.seen();
    clock.ms += 1900;
    menu.tick();
    expect([menu.secondsLeft, menu.choice]).toEqual([1, undefined]);
    clock.ms += 200;
    menu.tick();
    expect(menu.choice?.kind).toBe('boot');
  });

  it('boots at once with timeout=0, and never without a timeout', () => {
    expect(
      hostBootOf(makeMenu('set timeout=0\nmenuentry a { multiboot2 /boot/xen.gz\nmodule2 /boot/domain0\n}').menu.choice)
        ?.title,
    ).toBe('a');
    const { menu, clock } = makeMenu('menuentry a {\n}');
    clock.ms += 1e9;
    menu.tick();
    expect(menu.choice).toBeUndefined();
  });

  it('goes into submenus and back', () => {
    const { menu, press, shown } = makeMenu();
    press('end', 'enter');
    expect(shown()[3]).toContain('*Ringside VM Server, with Xen 4.17 and the round-robin scheduler');
    expect(shown().join('\n')).toContain('ESC returns to the menu above');
    press('escape');
    expect(menu.entries).toHaveLength(4);
    press('enter', 'down', 'enter');
    expect(hostBootOf(menu.choice)?.xenCommandLine).toBe('hvm_fep loglvl=all guest_loglvl=all');
  });

  it('lets an entry be edited for one boot, and nothing else changes', () => {
    const { menu, press, type, shown } = makeMenu();
    press('e');
    expect(shown()[4]).toContain('multiboot2 /boot/xen.gz loglvl=all guest_loglvl=all');
    press('ctrl-n', 'end');
    type(' sched=rr dom0_mem=64M');
    press('escape', 'e', 'down', 'ctrl-e');
    type(' hvm_fep');
    press('left', 'ctrl-a', 'ctrl-f', 'backspace');
    type('m');
    press('ctrl-x');
    expect(hostBootOf(menu.choice)?.xenCommandLine).toBe('loglvl=all guest_loglvl=all hvm_fep');
    expect(makeMenu().shown()[3]).toContain('*Ringside VM Server, with Xen 4.17 ');
  });

  it('shows where the cursor of the editor is, in lines that are too long, too', () => {
    const { menu, press, type } = makeMenu();
    press('e', 'down', 'end');
    type(' '.padEnd(80, 'x'));
    const { cursor, rows } = drawMenu(menu, '');
    expect(rows[4]).toMatch(/\\│ *$/);
    expect(cursor).toEqual({
      row: 5,
      column: 2 + ('multiboot2 /boot/xen.gz loglvl=all guest_loglvl=all'.length + 80 - 75),
    });
  });

  it('has a third entry, which starts the host without Xen', () => {
    const { menu } = makeMenu(defaultGrubConfig().replace('default=0', 'default=kvm'));
    expect(menu.entries[2]).toMatchObject({ kind: 'menuentry', title: 'Linux with KVM' });
    menu.take();
    expect(hostBootOf(menu.choice)).toEqual(KVM_BOOT);
  });

  it('tells why an entry does not start, and goes back', () => {
    const { menu, press, type, shown } = makeMenu('set timeout=0\nmenuentry Linux {\nlinux /boot/bzImage\n}');
    expect(menu.choice).toBeUndefined();
    expect(shown().slice(0, 4)).toEqual([
      expect.stringContaining("error: file `/boot/bzImage' not found"),
      expect.any(String),
      '',
      'Press any key to continue...',
    ]);
    press('enter');
    expect(shown()[3]).toContain('*Linux');
    press('e', 'ctrl-k');
    type('frobnicate');
    press('f10');
    expect(shown()[0]).toContain("can't find command `frobnicate'");
  });

  it('tells what is wrong in the file before anything starts', () => {
    const { menu, shown, press, clock } = makeMenu(`${defaultGrubConfig()}menuentry 'broken\n`);
    expect(shown()[0]).toMatch(/^error: grub.cfg, line \d+: A ' has no other one/);
    clock.ms += 1e6;
    menu.tick();
    expect(menu.choice).toBeUndefined();
    press('x');
    expect(shown().join('\n')).toContain('There are no entries: c opens the command-line.');
  });

  it('has a command line that boots', () => {
    const { menu, press, type, shown } = makeMenu('');
    const line = (text: string): void => {
      type(text);
      press('enter');
    };
    press('c');
    line('boot');
    line('help');
    line('frob');
    expect(shown().join('\n')).toMatch(
      /you need to load the kernel first[\s\S]*multiboot2 {2}normal[\s\S]*can't find command `frob'/,
    );
    line('multiboot2 /boot/xen.gz sched=rr');
    line('module2 /boot/domain0');
    line('boot');
    expect(hostBootOf(menu.choice)?.xenCommandLine).toBe('sched=rr');
    const other = makeMenu('');
    other.press('c');
    other.type('reboot');
    other.press('enter');
    expect(other.menu.choice).toEqual({ kind: 'reboot' });
  });

  it('takes an entry that is named from outside', () => {
    expect(makeMenu(undefined, '1').menu.selectedIndex).toBe(1);
    expect(makeMenu(undefined, 'advanced>xen-fep').menu.entries[1]!.title).toContain('forced emulation');
    const { menu, shown } = makeMenu(undefined, 'Windows');
    expect(menu.secondsLeft).toBeUndefined();
    expect(shown()[0]).toBe(' error: there is no entry Windows. Take one of the menu.'.trimStart());
  });

  it('hides until a key is pressed where timeout_style says so', () => {
    const { menu, shown, press } = makeMenu(`${defaultGrubConfig()}set timeout_style=hidden\n`);
    expect(shown()[0]).toBe(' 1s: any key shows the menu.');
    press('escape');
    expect(menu.choice).toBeUndefined();
    expect(shown()[3]).toContain('*Ringside');
  });

  it('scrolls, and fits the screen whatever titles hold', () => {
    const { menu, press, shown } = makeMenu(`${MANY}\nmenuentry "${'long '.repeat(40)}\u001b]0;x" {\n}\n`);
    press(...Array<string>(15).fill('down'));
    expect(shown()[15]).toMatch(/│\*entry 15 .*↓│/);
    expect(shown()[3]).toMatch(/↑│/);
    press('end');
    const { rows, reverse } = drawMenu(menu, 'x'.repeat(200));
    expect(rows).toHaveLength(25);
    for (const row of rows) expect(row).toHaveLength(80);
    expect(reverse).toEqual({ row: 15, from: 2, to: 78 });
    expect(menuSequences(drawMenu(menu, ''))).not.toContain('\x1b]');
  });
});

describe('a menu at a terminal', () => {
  it('counts down, takes keys as a terminal sends them, and clears the screen', async () => {
    const clock = { ms: 0 };
    const timers: { at: number; call: () => void }[] = [];
    const pass = (ms: number): void => {
      for (const end = clock.ms + ms; ; ) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) return void (clock.ms = end);
        clock.ms = due.at;
        timers.splice(timers.indexOf(due), 1);
        due.call();
      }
    };
    const later = (ms: number, call: () => void) => {
      const timer = { at: clock.ms + ms, call };
      timers.push(timer);
      return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
    };
    let text = '';
    const menu = new BootMenu({
      config: readGrubConfig(defaultGrubConfig()),
      nowMs: () => clock.ms,
      refuses: bootRefusal,
    });
    const session = new MenuSession({ menu, title: 'Boot menu', write: more => (text += more), later });
    expect(text).toContain('Boot menu');
    session.input('\x1b[B');
    pass(10_000);
    expect(menu.selectedIndex).toBe(1);
    session.input('e');
    session.input('\x1b');
    pass(60);
    expect(menu.mode.kind).toBe('menu');
    session.input('e\x1b[B\x1b[F frob\x1b[21~');
    expect(hostBootOf(await session.choice)?.xenCommandLine).toBe('loglvl=all guest_loglvl=all cpuid=no-vmx frob');
    expect(text.endsWith('\x1b[0m\x1b[2J\x1b[H\x1b[?25h')).toBe(true);
    pass(1000);
    expect(timers).toEqual([]);
  });
});
