/** Where shared records lie in machine memory, for those that read or write them. */
export { COMMAND, COUNTERS, COUNTER_WORDS, FRAME, FRAME_COUNT_MASK, FRAME_TYPE, FRAME_TYPE_SHIFT, MAILBOX, MAX_MEMORY_MIB, MAX_VCPUS, MODEL, MODEL_STATE, PORT, PORTS, SCREEN, SCREEN_BYTES, XEN, XEN_MODEL, XEN_TYPE, XENHEAP } from './layout.ts';
