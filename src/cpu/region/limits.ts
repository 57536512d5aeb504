/**
 * Limits of the second tier (tier.ts). All of them count instructions, samples or calls, never time, so that two runs in virtual time compile the same code at
 * the same instructions. The times in comments are of a host that runs some 100 million instructions a second in the interpreter.
 */

/**
 * Instructions between two samples while the interpreter runs most of them: about 50 µs, the distance at which `DOORBELL_INSTRUCTIONS` of loop.ts looks too.
 * A prime, so that the samples of a loop fall on all its instructions, whatever its length.
 */
export const BATCH = 4_999;
/** The same while regions run most instructions: again about 50 µs. */
export const REGION_BATCH = 24_989;
/** Samples are counted per line of memory and not per instruction, so that a loop is found however long it is. Log2 of a line's bytes. */
export const LINE_SHIFT = 7;
export const LINE = 1 << LINE_SHIFT;

/** Instructions to trace while looking for a loop. */
export const TRACE = 2000;
/**
 * Once a loop is found, tracing ends when this many instructions in a row were all known: a region contains the branch directions that ran, and the first rounds
 * of an unpacker's loop show only a third of them.
 */
export const QUIET = 1000;
/** Instructions of one trace at most, wherever control is then. */
export const LONGEST_TRACE = 8000;
/** Traces that may be started before an epoch gives some back: tracing costs the guest time, and what it finds costs V8 time. */
export const MAX_TRACES = 24;
/** Traces that an epoch gives back: a program's loops are found at once, while the loop of a script interpreter has thousands of instructions, a few per trace. */
export const TRACES_AN_EPOCH = 12;
/** The same during the first FIRST_SAMPLES samples, which a kernel's boot takes: what is hot then is soon over. Regions are smaller then, too. */
export const FIRST_TRACES = 2;
export const FIRST_SAMPLES = 100_000;

/** Log2 of the samples in an epoch: 1,024 samples are 5 million instructions. Counts are halved at its end. */
export const EPOCH_SHIFT = 10;
export const EPOCH = 1 << EPOCH_SHIFT;
/** Lines in the table of counts. */
export const MAX_COUNTS = 4096;

/** Samples between two steps of a compilation, about 100 µs: the guest runs in between, and takes its interrupts. */
export const BREAK = 2;
/** Samples after which a text that was not yet a function is asked for again. */
export const RETRY = 16;
/** Characters of a text that becomes a function in the step that wrote it: V8 reads that much in about 100 µs. */
export const SHORT_TEXT = 4000;
/** Compilations that may be in progress at once. */
export const MAX_UNDER_WAY = 16;
/** Regions that are compiled in one epoch. */
export const MAX_COMPILES = 24;
/** Regions that exist at once; the one that ran least is dropped for a new one. */
export const MAX_REGIONS = 512;
/**
 * Instructions of a region to which others jump instead of repeating its code; shorter ones are written out in each. Unpacking a kernel took half as many regions
 * with it, and a tenth less time.
 */
export const LARGE = 60;

/**
 * Exits of regions to a record in an epoch, for each sample of the threshold, from which that record becomes a region. An exit costs a microsecond or less: with
 * 40, booting kernels had three times the regions, most of which were over before V8 had optimised them.
 */
export const EXITS_A_SAMPLE = 300;
/** What an epoch leaves of that count: a few hundred exits in every epoch are worth a region, as many at once are. */
export const EXITS_KEPT = 24 / 25;

/** A refused record is asked again after as many epochs as halve this to nothing. */
export const REFUSED = 16;
/** A postponed one, in the next epoch. */
export const PUT_OFF = 1;
/** A frame whose regions were dropped this often because its bytes were written gets none until counts are halved. */
export const MAX_DROPS = 16;
/** A region that runs fewer instructions per visit than this, on average, costs more than it gains, and is dropped. */
export const SHORT = 25;
/** Visits after which that is checked. */
export const TRIAL = 4096;
/** Entries after which a region did nothing: after this many of them its windows (windows.ts) are checked. */
export const IDLE = 64;
/** They are wrong if it ran fewer instructions than this for each of these entries. */
export const IDLE_SHARE = 1000;

/** Calls that teach functions on flags which numbers occur: V8 records the types of a function that has run for a while. */
export const PRODUCTS = 1000;
/** Calls that give a region's exit type feedback before V8 compiles it. */
export const WARM_CALLS = 20;
