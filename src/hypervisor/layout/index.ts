/** Where shared records lie in machine memory, for those that read or write them. */
export {
  COUNTERS,
  COUNTER_WORDS,
  DRIVE_COUNTS,
  DRIVE_PLACES,
  DRIVE_QUEUE,
  DRIVE_WORDS,
  FRAME,
  FRAME_COUNT_MASK,
  FRAME_TYPE,
  FRAME_TYPE_SHIFT,
  MAILBOX,
  MAX_MEMORY_MIB,
  MAX_VCPUS,
  LAST_CODE_KEPT,
  MOST_CHOSEN_MSRS,
  SCREEN,
  SCREEN_BYTES,
  XENHEAP,
} from './layout.ts';
export {
  FRAMES_A_MIB,
  type GuestRam,
  LEAST_MMIO_HOLE_MIB,
  MOST_MMIO_HOLE_MIB,
  ramAround,
  ramOf,
} from './ram-layout.ts';
