/** Documents of networks: what libvirt's own test driver keeps of one is kept here, too, or refused by its name. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { program } from '../../../test/support/needs.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { defineNetwork, networkXml } from './index.ts';

const VIRSH = program('virsh');
const UUID = '11111111-2222-4333-8444-555555555555';
const network = (rest: string, name = 'n'): string =>
  `<network><name>${name}</name><uuid>${UUID}</uuid>${rest}</network>`;
const BRIDGE = "<bridge name='virbr5' stp='on' delay='0'/><mac address='52:54:00:11:22:33'/>";
const IP = "<ip address='10.5.0.1' netmask='255.255.255.0'/>";
const NAT = "<forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>";

const defined = async (xml: string): Promise<string> => {
  const host = testHost({ files: await testFiles() });
  return defineNetwork(host, xml).then(
    ({ of }) => networkXml(of),
    (error: Error) => error.message,
  );
};

it.skipIf(!VIRSH).each([
  ['nat', network(NAT + BRIDGE + IP)],
  ['isolated', network(BRIDGE + IP)],
  ['without an address', network(BRIDGE)],
  ['a host’s bridge', network("<forward mode='bridge'/><bridge name='xenbr0'/>")],
  [
    'with all that is here',
    network(
      `<metadata><a:b xmlns:a='urn:a'>x</a:b></metadata>${NAT}${BRIDGE}<domain name='lab' localOnly='yes'/><dns><host ip='10.5.0.9'><hostname>ns</hostname><hostname>dns</hostname></host></dns><ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.200'/><host mac='52:54:00:00:00:01' name='h' ip='10.5.0.7'/></dhcp></ip>`,
    ),
  ],
  ['no address of a name', network(`${BRIDGE}<dns><host><hostname>a</hostname></host></dns>${IP}`)],
  ['no name of an address', network(`${BRIDGE}<dns><host ip='10.5.0.9'/></dns>${IP}`)],
  ['nat without an address', network(`<forward mode='nat'/>${BRIDGE}`)],
  ['a mode that is none', network(`<forward mode='fancy'/>${BRIDGE}${IP}`)],
])('%s: as libvirt has it [needs libvirt-clients]', async (_, xml) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-network-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'n.xml'), xml);
  let said: string;
  try {
    const options = { cwd: folder, stdio: 'pipe' as const, encoding: 'utf8' as const };
    said = execFileSync(VIRSH!, ['-q', '-c', 'test:///default', 'net-define n.xml; net-dumpxml n'], options);
  } catch (error) {
    said = /error: (?!Failed)(.*)/.exec((error as { stderr: string }).stderr)![1]!;
  }
  // It closes an element that has nothing with a tag of its own, and quotes what is not its own otherwise.
  const same = (text: string): string =>
    text
      .replace(/<ip ([^>]*)>\s*<\/ip>/, '<ip $1/>')
      .replaceAll('"', "'")
      .trim();
  expect(same(await defined(xml)).replace(/<ip ([^>]*)>\s*<\/ip>/, '<ip $1/>')).toBe(same(said));
});

it.each([
  ['<forward mode="route"/>', 'not by route'],
  ['<forward mode="open"/>', 'not by open'],
  ['<forward mode="hostdev" managed="yes"><pf dev="eth0"/></forward>', 'not by hostdev'],
  ['<forward mode="private"/>', 'not by private'],
  ['<forward mode="vepa"/>', 'not by vepa'],
  ['<forward mode="passthrough"/>', 'not by passthrough'],
  ['<forward mode="bridge"/><bridge name="br7"/>', 'there is no br7'],
  ['<forward mode="nat" dev="eth0"/>', "<forward dev='eth0'> in network 'n'"],
  ['<forward mode="nat"><nat><port start="2000" end="3000"/></nat></forward>', "<port start='2000' end='3000'>"],
  ['<mtu size="1400"/>', '<mtu>'],
  ['<vlan><tag id="42"/></vlan>', '<vlan>'],
  ['<bandwidth><inbound average="1"/></bandwidth>', '<bandwidth>'],
  ['<portgroup name="p"/>', '<portgroup>'],
  ['<route address="10.9.0.0" prefix="24" gateway="10.5.0.2"/>', '<route>'],
  ['<dns><forwarder addr="8.8.8.8"/></dns>', '<forwarder>'],
  ['<dns><txt name="a" value="b"/></dns>', '<txt>'],
  ['<ip family="ipv6" address="2001:db8::1" prefix="64"/>', "<ip family='ipv6'>"],
])('%s is refused by its name', async (part, why) => {
  const said = await defined(network(`${part}${IP}`));
  expect(said).toMatch(/^unsupported configuration: /);
  expect(said).toContain(why);
});
