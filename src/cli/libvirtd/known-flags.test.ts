/** Flags that are none: each procedure that takes flags refuses them, whichever driver answers. */
import { describe, expect, it } from 'vitest';
import { XdrReader } from '../../formats/xdr/xdr.ts';
import { startKvm } from '../../dom0/service/index.ts';
import { testFiles, testHost } from '../../dom0/service/host.test-support.ts';
import { defineDomain, definePool, refOf, startPool } from '../../dom0/libvirt/index.ts';
import { refuseUnknownFlags } from './known-flags.ts';
import type { Caller } from './procedure.ts';
import { PROCEDURES } from './table.ts';

/** No flag of libvirt's 9.0 that any of these has. */
const NONE = 1 << 27;
/** More than any procedure's arguments have, of which all that is counted is none. */
const ZEROS = new Uint8Array(4096);
/** They end by themselves, or open what the flags are of. */
const OTHERS = ['connect_open'];

const rows = Object.entries(PROCEDURES).flatMap(([name, row]) => {
  const given = row.arguments.read(new XdrReader(ZEROS)) as Record<string, unknown> | undefined;
  return given && 'flags' in given && !OTHERS.includes(name) ? [{ name, row, given }] : [];
});

async function make(type: 'xen' | 'kvm') {
  const files = await testFiles();
  const host = testHost({
    files,
    ...(type === 'kvm' ? { hypervisor: startKvm({ pcpus: 1, memoryMiB: 32, vt: true, diskBytes: 0 }, '') } : {}),
  });
  const domain = refOf(
    await defineDomain(
      host,
      `<domain type='${type}'><name>a</name><memory unit='MiB'>8</memory><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`,
    ),
  );
  await files.writeFile('/srv/v', new Uint8Array(512));
  const pool = await definePool(host, "<pool type='dir'><name>p</name><target><path>/srv</path></target></pool>");
  await startPool(host, pool);
  return { host, domain, pool: { name: pool.of.name, uuid: pool.of.uuid } };
}

describe.each(['xen', 'kvm'] as const)('flags that are none, with %s', type => {
  it('are refused by each procedure that takes some', async () => {
    const { host, domain, pool } = await make(type);
    const caller = { host, connection: undefined, stream: () => {}, open: () => {} } as unknown as Caller;
    const answered: string[] = [];
    for (const { name, row, given } of rows) {
      const refs = {
        domain,
        ...('snapshot' in given ? { snapshot: { name: 's', domain } } : {}),
        ...('pool' in given ? { pool } : {}),
        ...('of' in given ? { of: pool } : {}),
        ...('volume' in given ? { volume: { pool: 'p', name: 'v', key: '' } } : {}),
        ...('source' in given ? { source: { pool: 'p', name: 'v', key: '' } } : {}),
      };
      const said = await (async () => {
        refuseUnknownFlags(host, name, { ...given, ...refs, flags: NONE });
        await row.run(caller, { ...given, ...refs, flags: NONE });
        return 'answered';
      })().catch((error: Error) => error.message);
      if (!/unsupported flags \(0x8000000\) in function|not supported by the connection driver/.test(said))
        answered.push(`${name}: ${said}`);
    }
    expect(answered).toEqual([]);
    expect(rows.length).toBeGreaterThan(80);
  });

  it('are told by the name of the driver’s function', async () => {
    const { host } = await make(type);
    const driver = type === 'kvm' ? 'qemu' : 'libxl';
    for (const [name, what] of [
      ['domain_get_xml_desc', `${driver}DomainGetXMLDesc`],
      ['connect_list_all_domains', `${driver}ConnectListAllDomains`],
      ['connect_list_all_networks', 'networkConnectListAllNetworks'],
      ['connect_list_all_storage_pools', 'storageConnectListAllStoragePools'],
      ['storage_vol_get_xml_desc', 'storageVolGetXMLDesc'],
      ['network_update', 'networkUpdate'],
    ] as const)
      expect(() => refuseUnknownFlags(host, name, { flags: NONE })).toThrow(
        `unsupported flags (0x8000000) in function ${what}`,
      );
  });
});
