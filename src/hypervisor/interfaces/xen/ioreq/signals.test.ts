/** What a device model elsewhere says arrives whole and in its order, also where there is more than the ring holds. */
import { expect, it } from 'vitest';
import { MODEL_SIGNALS } from '../layout.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { Machine } from '../../../memory/machine.ts';
import { Ports } from '../events/ports.ts';
import type { ModelTargets } from '../../../domain/model-elsewhere.ts';
import { SignalSender, takeSignals } from './signals.ts';
import { XEN_HVM } from '../records.ts';

function pair(): { sender: SignalSender; take(): (string | number | boolean)[][]; doorbell(): number } {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 1, 0x100000, { guest: XEN_HVM });
  const ports = new Ports(machine, record);
  let said: (string | number | boolean)[][] = [];
  const note =
    (what: string) =>
    (...values: (number | boolean)[]): void =>
      void said.push([what, ...values]);
  const targets: ModelTargets = {
    signals: {
      setIsaIrqLevel: note('isa'),
      setPciIntxLevel: note('intx'),
      setPciLinkRoute: note('link'),
      placePowerManagement: note('pm'),
      sendMessage: note('message'),
    },
    shadow: note('shadow'),
    a20: note('a20'),
    videoAt: note('video'),
    look: dirty => void said.push(['look', dirty.length]),
    reset: note('reset'),
    debugExit: note('exit'),
  };
  return {
    sender: new SignalSender(new Ports(machine, record)),
    take: () => {
      said = [];
      takeSignals(ports, targets);
      return said;
    },
    doorbell: () => machine.words[record.mailboxOffset >>> 2],
  };
}

it('all of them, with their arguments, and the doorbell rings', () => {
  const { sender, take, doorbell } = pair();
  const before = doorbell();
  sender.setIsaIrqLevel(14, true);
  sender.setIsaIrqLevel(14, false);
  sender.setPciIntxLevel(31, 3, true);
  sender.setPciLinkRoute(2, 11);
  sender.placePowerManagement(0xb000, 0x700);
  // All that a message says to a local APIC (SDM vol. 3, 11.11); what is no message to one goes nowhere.
  sender.sendMessage(0xfeeff00c, 0x87ff);
  sender.sendMessage(0xfee01000, 0x0041);
  sender.sendMessage(0xfed00000, 0x0041);
  sender.shadow(0xf0000, 0x10000, true, false);
  sender.a20(false);
  sender.videoAt(0xf0000000);
  sender.videoAt(-1);
  sender.look();
  sender.look();
  sender.reset();
  sender.debugExit(0xffffffff);
  expect(doorbell()).not.toBe(before);
  expect(take()).toEqual([
    ['isa', 14, true],
    ['isa', 14, false],
    ['intx', 31, 3, true],
    ['link', 2, 11],
    ['pm', 0xb000, 0x700],
    ['message', 0xfeeff00c, 0x87ff],
    ['message', 0xfee01000, 0x0041],
    ['shadow', 0xf0000, 0x10000, true, false],
    ['a20', false],
    ['video', 0xf0000000],
    ['video', -1],
    ['look', 4096],
    ['reset'],
    ['exit', 0xffffffff],
  ]);
  sender.look();
  expect(take()).toEqual([['look', 4096]]);
});

it('keeps what finds no room, and loses no edge', () => {
  const { sender, take } = pair();
  const sent = Array.from({ length: MODEL_SIGNALS + 100 }, (_, i) => ['isa', i & 15, (i & 1) === 0]);
  for (const [, irq, level] of sent) sender.setIsaIrqLevel(irq as number, level as boolean);
  expect(sender.flush()).toBe(false);
  const first = take();
  expect(sender.flush()).toBe(true);
  expect([...first, ...take()]).toEqual(sent);
});
