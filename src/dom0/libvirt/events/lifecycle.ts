/**
 * A domain's life in libvirt's words. Sources: virDomainEventType and its details in libvirt-domain.h; who sends which, and in which order:
 * src/libxl/libxl_domain.c and libxl_migration.c for Xen, src/qemu/qemu_process.c, qemu_driver.c, qemu_saveimage.c, qemu_snapshot.c and qemu_migration.c for KVM.
 */
const EVENT = {
  DEFINED: 0,
  UNDEFINED: 1,
  STARTED: 2,
  SUSPENDED: 3,
  RESUMED: 4,
  STOPPED: 5,
  SHUTDOWN: 6,
  CRASHED: 8,
} as const;

const DETAIL = {
  DEFINED: ['added', 'updated', 'renamed', 'snapshot'],
  UNDEFINED: ['removed', 'renamed'],
  STARTED: ['booted', 'migrated', 'restored', 'from snapshot', 'event wakeup'],
  SUSPENDED: [
    'user',
    'migrated',
    'I/O error',
    'watchdog',
    'restored',
    'from snapshot',
    'api error',
    'post-copy',
    'post-copy failed',
  ],
  RESUMED: ['unpaused', 'migrated', 'from snapshot', 'post-copy'],
  STOPPED: ['shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from snapshot'],
  SHUTDOWN: ['finished', 'guest', 'host'],
  CRASHED: ['panicked'],
} as const;

type Type = keyof typeof EVENT;
export type Step = { event: number; detail: number };

/** An event with its detail; one that has none of that name has its first. */
export const step = <T extends Type>(type: T, detail: (typeof DETAIL)[T][number] | (string & {})): Step => ({
  event: EVENT[type],
  detail: Math.max(0, (DETAIL[type] as readonly string[]).indexOf(detail)),
});

/** What is known of one that runs. */
export interface Life {
  /** Why it runs where it does (virDomainRunningReason). */
  running: string;
  /** Why somebody has paused it (virDomainPausedReason); undefined: nobody has. */
  paused: string | undefined;
  hasCrashed: boolean;
  /** It runs here before all of its memory has come. */
  isPostcopy: boolean;
}

/** What each driver sends. */
export interface LifeOf {
  /** It is there. */
  started(life: Life): Step[];
  /** It runs no longer, for a reason of virDomainShutoffReason. */
  stopped(was: Life, why: string): Step[];
  changed(was: Life, is: Life): Step[];
  /** It was paused for a job, and goes on. */
  stood(): Step[];
  /** Nothing tells libxl's driver that a crashed domain is kept: to it that one has stopped. */
  keepsCrashed: boolean;
  tellsOfJobs: boolean;
}

/** What has become of it, of a reason for being paused (qemuDomainPausedReasonToSuspendedEvent()). */
const suspended = (why: string): Step => step('SUSPENDED', why === 'migrating' ? 'migrated' : why);

/** Words of both drivers for who is paused, and goes on. */
const pausing = (was: Life, is: Life): Step[] => [
  ...(is.paused !== undefined && was.paused === undefined ? [suspended(is.paused)] : []),
  ...(was.paused !== undefined && is.paused === undefined && !is.hasCrashed ? [step('RESUMED', 'unpaused')] : []),
];

/** libxlDomainStart(): what moved here is restored, and goes on then. Snapshots are Ringside's. */
export const LIBXL: LifeOf = {
  started: ({ running, paused }) => {
    if (running === 'migrated')
      return [
        step('STARTED', 'restored'),
        paused === undefined ? step('RESUMED', 'migrated') : step('SUSPENDED', 'user'),
      ];
    if (running === 'from snapshot' && paused !== undefined)
      return [step('STARTED', running), step('SUSPENDED', running)];
    return [step('STARTED', running)];
  },
  stopped: (_was, why) => [step('STOPPED', why)],
  changed: pausing,
  stood: () => [],
  keepsCrashed: false,
  tellsOfJobs: false,
};

/** The monitor tells of processors that stop and go on; the driver of what that was for, behind it. */
export const QEMU: LifeOf = {
  started: ({ running, paused, isPostcopy }) => {
    const isPaused = paused !== undefined;
    switch (running) {
      case 'migrated':
        return [
          step('STARTED', running),
          isPaused ? step('SUSPENDED', 'user') : step('RESUMED', isPostcopy ? 'post-copy' : running),
        ];
      case 'restored':
        return [
          step('STARTED', running),
          // qemuDomainRunningReasonToResumeEvent() has one word for both.
          isPaused ? step('SUSPENDED', running) : step('RESUMED', 'from snapshot'),
        ];
      case 'from snapshot':
        return [step('STARTED', running), step(isPaused ? 'SUSPENDED' : 'RESUMED', running)];
      default:
        return isPaused
          ? [step('STARTED', 'booted'), step('SUSPENDED', 'user')]
          : [step('RESUMED', 'unpaused'), step('STARTED', 'booted')];
    }
  },
  stopped: ({ paused, hasCrashed }, why) => [
    // It is sent SIGTERM, and tells that.
    ...(why === 'destroyed' ? [step('SHUTDOWN', 'host')] : []),
    ...(paused === undefined && !hasCrashed
      ? ({
          // What its guest asked for by ACPI.
          shutdown: [step('SHUTDOWN', 'guest')],
          saved: [step('SUSPENDED', 'user')],
          migrated: [step('SUSPENDED', 'migrated')],
          crashed: [step('CRASHED', 'panicked')],
        }[why] ?? [])
      : []),
    step('STOPPED', why),
  ],
  changed: (was, is) => [
    ...(is.hasCrashed && !was.hasCrashed ? [step('CRASHED', 'panicked')] : []),
    ...pausing(was, is),
    ...(was.isPostcopy && !is.isPostcopy ? [step('RESUMED', 'migrated')] : []),
  ],
  stood: () => [step('SUSPENDED', 'user'), step('RESUMED', 'unpaused')],
  keepsCrashed: true,
  tellsOfJobs: true,
};
