package hashrepo

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/store"
)

// operation is one step of update.lua. It changes a field, or it requires that
// the record is as it was read: otherwise the script changes nothing.
type operation struct {
	kind  operationKind
	field string
	typ   reflect.Type // the type that the field is changed as, for errors

	text            string // the new text, the addend, the elements, the required text, or the old name
	lifetime        string // of opSetFor, in milliseconds
	least, greatest string // of opAddInteger and opAddFloatWithin: the range of the sum
	exists          bool   // of opRequireField and opRequireRecord
	count           int    // of opRequireCount

	bounded *addition // of a sum with bounds, for its error
}

type operationKind uint8

const (
	opSet            operationKind = iota // sets the field; it has no lifetime of its own then
	opSetFor                              // sets the field, which expires after lifetime
	opReplace                             // sets the field, which keeps its lifetime
	opClear                               // removes the field
	opAddInteger                          // adds an integer
	opAddFloat                            // adds a float64
	opAddFloatWithin                      // adds a float64 if the sum is in a range
	opAppend                              // appends JSON elements
	opRename                              // moves the field from an old name
	opRequireField                        // requires that the field has the text, or is absent
	opRequireRecord                       // requires that the record exists, or not
	opRequireCount                        // requires a number of fields
)

// appendArgs appends the operation as update.lua takes it.
func (op *operation) appendArgs(args []string) []string {
	switch op.kind {
	case opSet:
		return append(args, "set", op.field, op.text)
	case opSetFor:
		return append(args, "setfor", op.field, op.text, op.lifetime)
	case opReplace:
		return append(args, "replace", op.field, op.text)
	case opClear:
		return append(args, "clear", op.field)
	case opAddInteger:
		return append(args, "addinteger", op.field, op.text, op.least, op.greatest)
	case opAddFloat:
		return append(args, "addfloat", op.field, op.text)
	case opAddFloatWithin:
		return append(args, "addfloatwithin", op.field, op.text, op.least, op.greatest)
	case opAppend:
		return append(args, "append", op.field, op.text)
	case opRename:
		return append(args, "rename", op.field, op.text)
	case opRequireField:
		return append(args, "requirefield", op.field, flag(op.exists), op.text)
	case opRequireRecord:
		return append(args, "requirerecord", flag(op.exists))
	default:
		return append(args, "requirecount", strconv.Itoa(op.count))
	}
}

// flag returns a boolean as the scripts take it.
func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// plainChanges returns operations that only set and clear fields as an encoded
// record, for which Redis has commands. It reports false for others, and for
// several operations on one field. It looks at few operations only, since it
// compares each with all before it.
func plainChanges(operations []operation) (*encodedRecord, bool) {
	if len(operations) > fewOperations {
		return nil, false
	}
	for i := range operations {
		if kind := operations[i].kind; isRepeated(operations, i) || kind != opSet && kind != opClear {
			return nil, false
		}
	}
	e := &encodedRecord{pairs: make([]string, 0, 2*len(operations))}
	for i := range operations {
		if op := &operations[i]; op.kind == opSet {
			e.addText(op.field, op.text)
		} else {
			e.absent = append(e.absent, op.field)
		}
	}
	return e, true
}

// fewOperations is the number of operations up to which the library compares
// each with all before it, to find whether Redis has commands for them.
const fewOperations = 32

// isRepeated reports whether an operation before operation i has its field.
func isRepeated(operations []operation, i int) bool {
	return slices.ContainsFunc(operations[:i], func(before operation) bool { return before.field == operations[i].field })
}

// readBack is the fields that update.lua returns after its changes. The zero
// value returns none.
type readBack struct {
	all   bool
	names []string

	// sum reports whether names is the field of the only operation, an
	// addition, so that its sum is enough.
	sum bool
}

func (r readBack) isNone() bool { return !r.all && len(r.names) == 0 }

// isReply reports whether m has the shape of the fields as update.lua returns
// them.
func (r readBack) isReply(m rueidis.RedisMessage) bool {
	switch {
	case r.all:
		return store.Pairs(m)
	case len(r.names) == 0:
		return store.Flag(m)
	}
	_, err := hmgetValues(&m, len(r.names))
	return err == nil
}

// appendArgs appends the fields as update.lua takes them.
func (r readBack) appendArgs(args []string) []string {
	if r.all {
		return append(args, "-1")
	}
	return append(append(args, strconv.Itoa(len(r.names))), r.names...)
}
