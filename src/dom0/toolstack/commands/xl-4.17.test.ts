/**
 * Every subcommand of Xen 4.17's xl: what it takes there, and that it takes the same here. Source of the table: cmd_table[] in tools/xl/xl_cmdtable.c and the
 * SWITCH_FOREACH_OPT() of each main_NAME(); of words and statuses: Debian 12's xl (4.17.7) itself, started next to a libxl that opens no hypervisor.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import type { Host } from '../../service/host.ts';
import { COMMANDS, commandNamed, namesOf, type Refusal, runXl } from './index.ts';
import { WITHOUT } from './without.ts';

/** name | letters as getopt has them | long options, a colon where they have a value | least number of words */
const XL_4_17 = `
create|AFVcdef:inpq|defconfig: dryrun ignore-global-affinity-masks quiet vncviewer vncviewer-autopass|0
config-update|dqf:|defconfig:|0
list|lvZcn|long verbose context cpupool numa|0
destroy|f||1
shutdown|awF|all wait|0
reboot|awF|all wait|0
pci-attach|||2
pci-detach|f||2
pci-list|||1
pci-assignable-add|n:|name:|1
pci-assignable-remove|r||1
pci-assignable-list|n|show-names|0
pause|||1
unpause|||1
console|n:t:||1
vncviewer|a|autopass vncviewer-autopass|1
save|cpD||2
migrate|FC:s:epD|debug live|2
restore|FcpdeVA|vncviewer vncviewer-autopass|1
migrate-receive|Fedrp||0
dump-core|||2
cd-insert|||3
cd-eject|||2
mem-max|||2
mem-set|||2
button-press|||2
vcpu-list|||0
vcpu-pin|fi|force ignore-global-affinity-masks|3
vcpu-set|i|ignore-host|2
vm-list|||0
info|n|numa|0
sharing|||0
sched-credit|d:w:c:p:t:r:m:s|domain: weight: cap: schedparam tslice_ms: ratelimit_us: migration_delay_us: cpupool:|0
sched-credit2|d:w:c:p:r:s|domain: weight: cap: schedparam ratelimit_us: cpupool:|0
sched-rtds|d:p:b:e:v:c|domain: period: budget: extratime: vcpuid: cpupool:|0
domid|||1
domname|||1
rename|||2
trigger|||2
sysrq|||2
debug-keys|||1
set-parameters|||1
dmesg|c|clear|0
top|||0
network-attach|||1
network-list|||1
network-detach|||2
channel-list|||1
block-attach|||2
block-list|||1
block-detach|f|force|2
vtpm-attach|||1
vtpm-list|||1
vtpm-detach|||2
vkb-attach|||2
vkb-list|||1
vkb-detach|||2
vdispl-attach|||1
vdispl-list|||1
vdispl-detach|||2
vsnd-attach|||2
vsnd-list|||1
vsnd-detach|||2
uptime|s||0
claims|||0
cpupool-create|nf:|defconfig: dryrun|0
cpupool-list|c|cpus|0
cpupool-destroy|||1
cpupool-rename|||2
cpupool-cpu-add|||2
cpupool-cpu-remove|||2
cpupool-migrate|||2
cpupool-numa-split|||0
getenforce|||0
setenforce|||1
loadpolicy|||1
remus|Fbundi:s:N:ecp||2
devd|Fp:|pidfile:|0
psr-hwinfo|mab|cmt cat mba|0
psr-cmt-attach|||1
psr-cmt-detach|||1
psr-cmt-show|||1
psr-cat-set|s:l:cd|socket: data code level:|2
psr-cat-show|l:|level:|0
psr-mba-set|s:|socket:|0
psr-mba-show|||0
usbctrl-attach|||1
usbctrl-detach|||2
usbdev-attach|||2
usbdev-detach|||3
usb-list|||1
qemu-monitor-command|||2`
  .trim()
  .split('\n')
  .map(line => {
    const [name, letters, long, least] = line.split('|');
    return {
      name,
      letters: new Map([...letters.matchAll(/(\w)(:?)/g)].map(([, letter, colon]) => [letter, colon !== ''])),
      long: long.split(' ').filter(Boolean),
      least: Number(least),
    };
  });

/** Letters that xl does not have: xentop's, for `xl top`, and one that a card is taken away by whatever its guest does. */
const OURS: Record<string, string> = { top: 'bcdfinrvx', 'network-detach': 'f' };
/** No option of any. */
const NOBODYS = 'Y';
const LETTERS = [...'abcdefgijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

let host: Host;
beforeAll(async () => void (host = testHost({ files: await testFiles() })));

const xl = (...words: string[]): Promise<{ status: number; out: string; err: string }> =>
  runXl(COMMANDS, { host, words, read: async () => new Blob([]), write: async () => {} }).then(
    out => ({ status: 0, out, err: '' }),
    (error: Refusal) => ({ status: error.status, out: error.printed, err: error.message }),
  );

describe("xl's subcommands of 4.17", () => {
  it.each(XL_4_17)(
    '$name takes the options and the words that it takes there',
    async ({ name, letters, long, least }) => {
      const help = { status: 0, out: expect.stringMatching(`^Usage: xl \\[-vtT.*\\] ${name} `), err: '' };
      expect(commandNamed(COMMANDS, name)).toBe(name);
      for (const [letter, hasValue] of letters) {
        expect(await xl(name, `-${letter}`, ...(hasValue ? ['1'] : []), '-h'), letter).toEqual(help);
        if (!hasValue) continue;
        expect(await xl(name, `-${letter}1`, '-h'), letter).toEqual(help);
        expect(await xl(name, `-${letter}`), letter).toMatchObject({
          status: 2,
          err: `option \`${letter}' not supported.`,
        });
      }
      for (const option of long) {
        const [word, hasValue] = [`--${option.replace(':', '')}`, option.endsWith(':')];
        expect(await xl(name, word, ...(hasValue ? ['1'] : []), '--help'), option).toEqual(help);
        expect((await xl(name, `${word}=1`, '-h')).status, option).toBe(hasValue ? 0 : 2);
      }
      const taken: string[] = [];
      for (const letter of LETTERS) if ((await xl(name, `-${letter}h`, '-h')).err === '') taken.push(letter);
      expect(taken.join('')).toBe([...letters.keys(), ...(OURS[name] ?? '')].sort(byLetters).join(''));
      expect(await xl(name, `-${NOBODYS}`)).toEqual({ status: 2, out: '', err: `option \`${NOBODYS}' not supported.` });
      if (least > 0)
        expect(await xl(name, ...Array(least - 1).fill('0'))).toEqual({
          ...help,
          status: 2,
          err: `'xl ${name}' requires at least ${least} argument${least > 1 ? 's' : ''}.`,
        });
    },
  );

  const byLetters = (a: string, b: string): number => LETTERS.indexOf(a) - LETTERS.indexOf(b);

  it('are all answered: what is not there is named, what is empty is an empty list', async () => {
    expect(XL_4_17.filter(({ name }) => !namesOf(COMMANDS).includes(name)).map(({ name }) => name)).toEqual(
      Object.keys(WITHOUT).sort((a, b) => position(a) - position(b)),
    );
    for (const [name, { least = 0, why, status = 1, prints = '' }] of Object.entries(WITHOUT))
      expect(await xl(name, ...Array(least).fill('0')), name).toEqual({
        status: why === undefined ? 0 : status,
        out: prints,
        err: why ?? '',
      });
    expect(await xl('migrate', 'nobody', 'there')).toMatchObject({
      status: 1,
      err: 'nobody is an invalid domain identifier (rc=-6)',
    });
  });

  const position = (name: string): number => XL_4_17.findIndex(each => each.name === name);
});

describe('the words of xl', () => {
  it.each<[words: string, status: number, out: string | RegExp, err: string]>([
    ['', 1, /^Usage xl \[-vfNtT\] <subcommand> \[args\]\n/, ''],
    ['help frob', 0, 'command "frob" not implemented\n', ''],
    ['help pau', 0, /^Usage: xl \[-vtTf\] pause <Domain>\n\nPause execution of a domain\.\n\n$/, ''],
    ['frob', 1, '', 'command not implemented'],
    // Cut short: the only one that begins so, or none.
    ['li -h', 0, /^Usage: xl \[-vtT\] list /, ''],
    ['sched-c', 1, '', 'command not implemented'],
    ['p', 1, '', 'command not implemented'],
    // The help of getopt's first -h; the option behind it is not looked at.
    ['pause -hq', 0, /^Usage: xl \[-vtTf\] pause /, ''],
    ['list --he', 0, /^Usage: xl \[-vtT\] list /, ''],
    ['list --l -q', 2, '', "option `q' not supported."],
    // xl prints getopt's optopt, which is 0 of a long option: the name says more.
    ['list --bogus', 2, '', "option `--bogus' not supported."],
    ['list --long=3', 2, '', "option `l' not supported."],
    ['list 0 0', 1, /^Usage: xl \[-vtT\] list /, ''],
    ['sched-credit -d -h', 1, '', '-h is an invalid domain identifier (rc=-6)'],
    ['sched-credit -s -d 0', 1, '', 'Specifying a cpupool or schedparam is not allowed with domain options.'],
    ['sched-credit -m 5', 1, '', 'Must specify schedparam to set schedule parameter values.'],
    ['sched-credit -s -p Pool-9', 1, '', "unknown cpupool 'Pool-9'"],
    ['sched-credit --cpu Pool-0 --sched', 0, /^Cpupool Pool-0: tslice=30ms /, ''],
    ['console -t tty 0', 1, '', 'console type supported are: pv, serial, vuart'],
    ['config-update', 1, /^Usage: xl \[-vtTf\] config-update /, 'xl config-update requires a domain argument'],
    ['sysrq 0 long', 1, /^Usage: xl \[-vtTf\] sysrq /, 'Invalid sysrq.'],
    ['domname x', 1, /^Usage: xl \[-vtT\] domname /, 'Invalid domain id.'],
    ['button-press 0 eject', 1, '', 'eject is an invalid button identifier'],
    ['cpupool-list', 0, /^Name {15}CPUs {3}Sched {5}Active {3}Domain count\nPool-0 {15}\d {4}credit {7}y {10}1\n$/, ''],
    ['cpupool-list -c Pool-0', 0, /^Name {15}CPU list\nPool-0 {13}0(?:,\d)*\n$/, ''],
    ['cpupool-list other', 1, '', "Pool 'other' does not exist"],
    ['sharing', 0, /^Name {40}ID {3}Mem Shared\nDomain-0 {37}0 +\d+ {6}0\n$/, ''],
    ['claims', 0, /\tState\tTime\(s\) {2}Claimed\nDomain-0 .*r----- +\d+\.\d {5}0\n$/, ''],
    ['save -D 0 f', 1, '', 'A restored domain has a new number here: save it without -D.'],
    ['save 0 f g h', 1, /^Usage: xl /, ''],
  ])('%s', async (words, status, out, err) => {
    expect(await xl(...words.split(' '))).toEqual({
      status,
      out: typeof out === 'string' ? out : expect.stringMatching(out),
      err,
    });
  });
});
