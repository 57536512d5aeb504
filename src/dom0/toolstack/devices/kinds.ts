/** What is done to all kinds of a guest's devices, by their rows. */
import type { Definition, Family } from '../../definitions/config/index.ts';
import type { DeviceKind, GuestDevices, Place, Planned } from './device-kind.ts';

// biome-ignore lint/suspicious/noExplicitAny: a table holds kinds with devices of their own
export type Kinds = Readonly<Record<string, DeviceKind<any, any>>>;

/** What a guest has of each kind; absent: nothing. */
export type Given<Of extends Kinds> = {
  [Name in keyof Of]?: NonNullable<ReturnType<Of[Name]['planned']>>;
};

/** A guest's devices, by their kinds. */
export type DevicesOf<Of extends Kinds> = { readonly [Name in keyof Of]: ReturnType<Of[Name]['attach']> };

const mapped = <Of extends Kinds, Result>(kinds: Of, of: (kind: Of[string], name: string) => Result | undefined) =>
  Object.fromEntries(
    Object.entries(kinds).flatMap(([name, kind]) => {
      const result = of(kind as Of[string], name);
      return result === undefined ? [] : [[name, result]];
    }),
  );

/** The keys that kinds bring with them. */
export const keysOf = (kinds: Kinds): Family => Object.assign({}, ...Object.values(kinds).map(({ keys }) => keys));

/** What a guest has by its definition. */
export const plannedOf = <Of extends Kinds>(kinds: Of, planned: Planned): Given<Of> =>
  mapped(kinds, kind => kind.planned(planned)) as Given<Of>;

/** Loads what `attachKinds` needs for a guest. @throws HostError */
export async function loadKinds<Of extends Kinds>(kinds: Of, given: Given<Of>): Promise<void> {
  await Promise.all(Object.keys(given).map(name => kinds[name]?.load?.()));
}

/** A restored guest's definition: with the devices that its state has, whatever its text says. @throws SavedStateError */
export const restoredBy = (
  kinds: Kinds,
  definition: Definition,
  saved: Readonly<Record<string, unknown>>,
): Definition => Object.entries(kinds).reduce((so, [name, kind]) => kind.restored?.(so, saved[name]) ?? so, definition);

/** All devices of one guest. */
export interface AttachedKinds<Of extends Kinds> extends GuestDevices {
  readonly of: DevicesOf<Of>;
  /** By the names of their kinds. @throws SavedStateError */
  save(unasked: boolean): Record<string, unknown>;
  describe(): Record<string, unknown>;
}

/** Before the guest runs; nothing of it stays where one kind fails. @throws SavedStateError */
export function attachKinds<Of extends Kinds>(
  kinds: Of,
  place: Place,
  given: Given<Of>,
  saved: Readonly<Record<string, unknown>> = {},
): AttachedKinds<Of> {
  const of: Record<string, GuestDevices | undefined> = {};
  const close = (): void => {
    for (const devices of Object.values(of)) devices?.close();
  };
  try {
    for (const [name, kind] of Object.entries(kinds)) of[name] = kind.attach(place, given[name], saved[name]);
  } catch (error) {
    close();
    throw error;
  }
  return {
    of: of as DevicesOf<Of>,
    start: () => {
      for (const devices of Object.values(of)) devices?.start();
    },
    get isBusy() {
      return Object.values(of).some(devices => devices?.isBusy);
    },
    save: unasked => mapped(kinds, (_kind, name) => of[name]?.save(unasked)),
    describe: () =>
      mapped(kinds, (_kind, name) => {
        const devices = of[name];
        return devices?.describe ? devices.describe() : devices?.save(false);
      }),
    close,
  };
}
