import { describe, expect, it } from 'vitest';
import { PciFunction } from '../../devices/pci/index.ts';
import { TestTimers } from '../../devices/testing.ts';
import { E1000 } from '../../devices/net/e1000/index.ts';
import { Machine } from '../../hypervisor/memory/index.ts';
import { HostBus } from '../host/hardware/host-bus.ts';
import type { HostCore } from '../service/host.ts';
import { E1000_ID, E1000Driver } from '../host/network/e1000-driver.ts';
import { lspciProgram } from './lspci.ts';

function make() {
  const bus = new HostBus(Machine.create(new SharedArrayBuffer(16 * 2 ** 20)));
  const mac = Uint8Array.of(0, 0x1b, 0x21, 0, 0, 1);
  const card = bus.plug(
    3,
    irq => new E1000({ timers: new TestTimers(), irq, mac, ethernet: { busy: false, send: () => {} } }),
  );
  const run = async (line: string): Promise<string> =>
    (
      await lspciProgram({ toolstack: { services: { hardware: bus } } } as unknown as HostCore).run(
        line.split(' ').filter(Boolean),
        {} as never,
      )
    ).stdout;
  return { bus, card, run };
}

describe('lspci', () => {
  it('shows what configuration space says, before a driver has the card and after', async () => {
    const { bus, card, run } = make();
    expect(await run('-s 00:03.0 -v')).toMatch(
      /82540EM Gigabit Ethernet Controller \(rev 02\)\n\tSubsystem: Intel Corporation Device 001e\n\tFlags: 66MHz, medium devsel, latency 0, IRQ pin A\n\n$/,
    );
    const found = bus.find(E1000_ID.vendor, E1000_ID.device);
    if (!found) throw new Error('the card is not on the bus');
    new E1000Driver(found, () => {});
    const after = await run('-s 03.0 -v');
    expect(after).toContain('\tFlags: bus master, ');
    expect(after).toContain(
      '\tMemory at f0000000 (32-bit, non-prefetchable) [size=128K]\n\tI/O ports at <unassigned> [disabled] [size=64]\n',
    );
    // What it prints is read at that moment.
    card.fn.put(8, 7, 1);
    expect(await run('-n')).toBe('00:00.0 0600: 8086:1237 (rev 02)\n00:03.0 0200: 8086:100e (rev 07)\n');
    expect(await run('-nn -s 00.0')).toBe(
      '00:00.0 Host bridge [0600]: Intel Corporation 440FX - 82441FX PMC [Natoma] [8086:1237] (rev 02)\n',
    );
    expect(await run('-x -s 03.0')).toContain('\n00: 86 80 0e 10 06 00 ');
  });

  it('gives what it does not know by its number, and nothing of a slot that is empty', async () => {
    const { bus, run } = make();
    bus.pci.add(5, 0, new PciFunction('unknown', { vendor: 0x1234, device: 0x5678, class: 0xff0000 }));
    expect(await run('-s 05.0')).toBe('00:05.0 Class ff00: Vendor 1234 Device 5678\n');
    expect(await run('-s 06.0')).toBe('');
  });
});
