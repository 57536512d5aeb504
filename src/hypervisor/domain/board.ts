/** A domain's processor, and the PC around it: the board that what it boots and its interface ask for, with its firmware's memory and settings. */
import { CMOS_BOOT_FLAGS, NO_SIGNATURE_CHECK, setBootOrder, setLinux } from '../../devices/index.ts';
import type { Timers } from '../../devices/index.ts';
import type { Processor, ProcessorOptions } from '../../cpu/architecture/index.ts';
import { tracedDrives } from '../disks/traced-disk.ts';
import { ramOf } from '../layout/ram-layout.ts';
import { FirmwareMap } from '../memory/firmware-map.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { VideoFrames } from '../memory/video-memory.ts';
import type { IoTrace } from '../tracing/io-trace.ts';
import { hasHighFirmware, keepFlash } from './firmware-image.ts';
import type { DomainClock } from './clock.ts';
import type { DomainOptions } from './domain-options.ts';
import type { GuestInterface, GuestTraits } from './guest-interface.ts';
import type { Platform, PlatformOptions } from './platform.ts';
import type { ScreenBlock } from './screen.ts';
import { regionOptions } from './second-tier.ts';
import type { ShadowPaging } from './shadow-paging.ts';

/** The domain whose board it is. */
interface BoardOf {
  options: DomainOptions;
  traits: GuestTraits;
  timers: Timers;
  memory: GuestMemory;
  screen: ScreenBlock;
  map: { firmware: FirmwareMap | undefined; video: VideoFrames | undefined };
  /** There once the board is. */
  guest: Pick<GuestInterface, 'release' | 'balloon'>;
}

/** What its processor is made with, but for who answers it. */
export const processorOf = (
  options: DomainOptions,
  { processor }: GuestTraits,
  { stage, clock, shadow }: { stage: SecondStage; clock: DomainClock; shadow: ShadowPaging | undefined },
): ProcessorOptions => ({
  memory: options.machine.memory,
  stateOffset: options.record.liveOffset,
  p2m: stage.words,
  time: clock,
  doorbell: options.record.mailboxOffset >>> 2,
  writeLog: options.machine.writeLogAt,
  ...(shadow ? { shadow: shadow.walk } : {}),
  ...processor,
  ...(options.cpuLevel ? { cpuLevel: options.cpuLevel } : {}),
  ...regionOptions(options),
});

/** Where firmware lies and what it can draw into; nothing of that without firmware. */
export function firmwareParts(
  { machine, record, boot }: DomainOptions,
  traits: GuestTraits,
  processor: Processor,
): { firmware?: FirmwareMap; video?: VideoFrames } {
  if (boot.kind !== 'firmware') return {};
  const flush = (): void => processor.flushTlb();
  const isRam = traits.firmware === 'ram';
  const kind = isRam ? 'ram' : boot.flash ? 'flash' : 'rom';
  const firmware =
    isRam && !hasHighFirmware(boot)
      ? undefined
      : new FirmwareMap(machine, record, flush, kind, mfn => processor.invalidate(mfn));
  // Its device asks how large it is.
  if (boot.flash) firmware?.load(boot.image);
  return { ...(firmware ? { firmware } : {}), video: new VideoFrames(machine, record, flush) };
}

/** What the board has; its signals are the domain's to add. */
export function boardOf(
  domain: BoardOf,
  io: IoTrace,
): Omit<PlatformOptions, 'onIgnoreNumericError' | 'onPowerOff' | 'onReset' | 'onDebugExit'> {
  const { options, traits, timers, memory, screen, map } = domain;
  const { firmware, video } = map;
  const { boot, record, ide, floppyDrives } = options;
  const ofFirmware = boot.kind === 'firmware' ? boot : undefined;
  const flash =
    ofFirmware?.flash && traits.firmware === 'rom' && firmware
      ? { array: firmware, keep: (at: number, bytes: Uint8Array) => keepFlash(options, boot.name, at, bytes) }
      : undefined;
  return {
    timers,
    dma: memory,
    ...ramOf(record),
    startEpochMs: options.startEpochMs,
    serial: [options.serial, () => {}],
    debug: options.debug ?? (() => {}),
    screen,
    ...(video ? { videoMemory: video } : {}),
    ...(firmware ? { onShadow: firmware.shadow } : {}),
    ...(flash ? { flash } : {}),
    ...(ofFirmware?.vgaBios ? { vgaBios: ofFirmware.vgaBios } : {}),
    ...(ofFirmware?.forQemu ? { likeQemu: true } : {}),
    ...(ofFirmware?.nicRom ? { nicRom: ofFirmware.nicRom } : {}),
    io,
    ...(ide ? { ide: tracedDrives(ide, io, record) } : {}),
    ...(floppyDrives ? { floppyDrives } : {}),
    ...(options.virtio
      ? {
          virtio: options.virtio,
          virtioHost: {
            release: gfns => domain.guest.release?.(gfns),
            balloon: report => domain.guest.balloon?.(report),
            ...(options.folder ? { folder: options.folder } : {}),
            ...(options.channel ? { channel: options.channel } : {}),
          },
        }
      : {}),
    ...(options.apic ? { apic: true, processors: record.vcpus, online: record.onlineVcpus } : {}),
    ...traits.board,
  };
}

/** What firmware reads of the order of its drives, its boot sectors and a kernel, once its board is there. */
export function tellFirmware({ boot, record }: DomainOptions, { fwCfg, rtc }: Platform): void {
  if (boot.kind !== 'firmware') return;
  if (boot.bootOrder && fwCfg) setBootOrder(fwCfg, boot.bootOrder);
  if (boot.noSignatureCheck) rtc?.setCmos(CMOS_BOOT_FLAGS, NO_SIGNATURE_CHECK);
  if (boot.linux && fwCfg) setLinux(fwCfg, boot.linux, ramOf(record).lowMiB);
}
