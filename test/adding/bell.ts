/** A bell: the guest rings it through an event channel, and Domain 0 counts. */
import type { Connection, Driver } from '../../src/dom0/backends/index.ts';
import { used } from '../../src/dom0/definitions/config/options.ts';
import { type Family, rule } from '../../src/dom0/definitions/config/rule.ts';
import {
  type DeviceInfo,
  type DeviceKind,
  type SharedDevice,
  SharedDevices,
  writeDevicePaths,
} from '../../src/dom0/toolstack/devices/index.ts';

declare module '../../src/dom0/definitions/config/definition.ts' {
  interface Definition {
    bell?: true;
  }
}

const keys: Family = {
  bell: rule('defbool', used('a bell', 'The guest has a bell that Domain 0 hears.'), {
    into: (definition, { number }) => void (number !== 0 && (definition.bell = true)),
    from: ({ bell }) => bell && 1,
  }),
};

class Bell implements Driver {
  rung = 0;

  features() {
    return {};
  }

  connect(connection: Connection) {
    connection.bind(connection.number('event-channel'), () => this.rung++);
    return { pitch: 440 };
  }

  disconnect() {}
}

class Bells extends SharedDevices<true, Bell, DeviceInfo & { rung: number }> {
  put(rung: number): void {
    const id = { kind: 'bell', domid: this.domid, devid: 0 };
    writeDevicePaths(this.parts.client, id, { frontend: {}, backend: {} });
    this.attached.push({ id, given: true, driver: Object.assign(new Bell(), { rung }) });
  }

  find() {
    return this.attached[0];
  }

  info({ driver: { rung } }: SharedDevice<true, Bell>, common: DeviceInfo) {
    return { ...common, rung };
  }

  save() {
    return this.attached[0]?.driver.rung;
  }
}

export const BELLS: DeviceKind<true, Bells> = {
  keys,
  planned: ({ definition }) => definition.bell,
  attach: ({ backends, record }, given, saved) => {
    const bells = new Bells(backends, record.id);
    if (given) bells.put(Number(saved ?? 0));
    return bells;
  },
};
