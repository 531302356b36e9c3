package wasmfile

// Caps on the content of a file. A connector in Go with encoding/json stays far
// below them; its numbers are in brackets. The caps apply to the module after
// Harden, which adds a block, two instructions and three bytes for each check.
const (
	MaxSize = 16 << 20 // bytes of a file [3.7 MB]

	maxTypes     = 5_000   // [60]
	maxParams    = 100     // parameters or results of one type
	maxImports   = 200     // [25]
	maxExports   = 1_000   // [5]
	maxGlobals   = 1_000   // [8]
	maxFunctions = 20_000  // [2,425]
	maxSegments  = 200_000 // of data, or of elements [36,835]
	maxEntries   = 200_000 // of all element segments together [2,425]
	maxTables    = 4       // [1]
	maxTable     = 50_000  // entries of one table
	maxPages     = 65_536  // most that a memory may grow to: all of 32 bits
	maxMinPages  = 16_384  // that a memory starts with: 1 GiB
	maxName      = 1_000   // bytes of an import, export or section's name
	maxCustom    = 1_000   // custom sections

	maxBody         = 256 << 10 // bytes of one function [29 KB]
	maxInstructions = 50_000    // of one function [13,335]
	maxBlocks       = 4_000     // of one function: block, loop, if [799]
	maxNesting      = 3_000     // [549]
	maxTargets      = 5_000     // of one br_table [964]
	maxLocals       = 2_000     // of one function
	maxAllLocals    = 200_000
)
