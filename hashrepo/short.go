package hashrepo

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/set.lua
	setSource string
	//go:embed lua/add.lua
	addSource string
	//go:embed lua/addwithin.lua
	addWithinSource string

	setScript       = store.NewShortScript(setSource, store.Flag)
	addScript       = store.NewShortScript(addSource, store.Either(store.Number, isLargeSum, store.Status(unchanged)))
	addWithinScript = store.NewShortScript(addWithinSource, store.Either(store.Number, store.Status(unchanged)))
)

// unchanged is the status of a short script that has changed nothing, because
// update.lua must decide.
const unchanged = "UNCHANGED"

// shortUpdate is a run of a short script, which takes much less of the server's
// time than update.lua. It does the same for the most frequent operations.
type shortUpdate struct {
	script *store.Script
	args   []string
}

// allowsShort reports whether a short script can write records: no option sets
// a condition or keeps the lifetime, and nothing but the record changes.
func (c *core) allowsShort() bool { return c.AllowsTx() && c.listing == nil }

// shortUpdate returns the short script for operations on different fields, of
// which one may add to an integer and the others set. It reports false if there
// is none.
func (c *core) shortUpdate(operations []operation) (u shortUpdate, ok bool) {
	if !c.allowsShort() || c.plan.version != nil || len(operations) > fewOperations {
		return u, false
	}
	var sum *operation
	for i := range operations {
		op := &operations[i]
		switch {
		case isRepeated(operations, i):
			return u, false
		case op.kind == opAddInteger && sum == nil:
			sum = op
		case op.kind != opSet:
			return u, false
		}
	}
	u.script, u.args = setScript, make([]string, 0, 5+2*len(operations))
	if sum != nil && !u.add(sum) {
		return u, false
	}
	for i := range operations {
		if op := &operations[i]; op != sum {
			u.args = append(u.args, op.field, op.text)
		}
	}
	return u, true
}

// exactInLua is the number up to which the numbers of Lua represent every
// integer, and its negative.
const exactInLua = 1<<53 - 1

// add makes u add to an integer. It reports false if no short script can.
func (u *shortUpdate) add(op *operation) bool {
	u.script, u.args = addScript, append(u.args, op.field, op.text)
	// ParseInt returns the nearest int64 for a number that is not one.
	least, _ := strconv.ParseInt(op.least, 10, 64)
	greatest, _ := strconv.ParseInt(op.greatest, 10, 64)
	if least == math.MinInt64 && greatest == math.MaxInt64 && op.greatest == maxInt64 {
		return true // the range of HINCRBY
	}
	by, err := strconv.ParseInt(op.text, 10, 64)
	if err != nil || by == 0 || by < -exactInLua || by > exactInLua || least > exactInLua || greatest < -exactInLua {
		return false
	}
	least, greatest = max(least, -exactInLua), min(greatest, exactInLua)
	u.script = addWithinScript
	u.args = append(u.args, strconv.FormatInt(least, 10), strconv.FormatInt(greatest, 10), flag(by >= least && by <= greatest))
	return true
}

const maxInt64 = "9223372036854775807"

// isLargeSum reports whether m is a sum that add.lua returns as a text.
func isLargeSum(m rueidis.RedisMessage) bool {
	text, err := m.ToString()
	if err != nil {
		return false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && (n > exactInLua || n < -exactInLua)
}

// runShort runs a short script and returns the fields to read back. It reports
// false if the script has changed nothing, because update.lua must decide.
func (c *core) runShort(ctx context.Context, t fault.Target, u shortUpdate, returned readBack) (reply rueidis.RedisMessage, ok bool, err error) {
	read := !returned.sum && !returned.isNone()
	var m rueidis.RedisMessage
	if read {
		m, reply, err = c.RunAndRead(ctx, t, u.script, u.args, returned.names)
	} else {
		m, err = c.Run(ctx, t, u.script, u.args)
		reply = m
	}
	if err != nil {
		return reply, false, err
	}
	if m.IsString() {
		if status, _ := m.ToString(); status == unchanged {
			return reply, false, nil
		}
	}
	if read {
		err = store.Shape(returned.isReply).Check(t, reply)
	}
	return reply, true, err
}

//go:embed lua/mutate.lua
var mutateSource string

// mostLiterals is the number of names that mutate.lua can have. A function of
// Lua has 250 registers, and a call takes one for each argument.
const mostLiterals = 200

// newMutateScript returns mutate.lua for a record type that is read by names.
// The names are a part of the script, because they are the same in each call.
func newMutateScript(names []string) *store.Script {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quoteLua(name)
	}
	source := strings.Replace(mutateSource, "FIELDS)", strings.Join(quoted, ", ")+")", 1)
	return store.NewShortScript(source, store.Either(store.Flag, store.Status("CHANGED")))
}

// quoteLua returns a text as a string of Lua.
func quoteLua(text string) string {
	quoted := []byte{'\''}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '\'' || c == '\\' {
			quoted = fmt.Appendf(quoted, "\\%03d", c)
		} else {
			quoted = append(quoted, c)
		}
	}
	return string(append(quoted, '\''))
}

// shortMutation returns the run of mutate.lua for the operations of Mutate, if
// they only set fields of an existing record. It compares all fields of T, so
// it needs neither the condition nor the version of update.lua.
func (c *core) shortMutation(operations []operation) (u shortUpdate, ok bool) {
	n := 1 + len(c.plan.readNames)
	if c.plan.mutate == nil || c.listing != nil || c.Version != nil || len(operations) < n || operations[0].kind != opRequireRecord {
		return u, false
	}
	required, changes := operations[1:n], operations[n:]
	args, ok := appendRequired(make([]string, 0, 5+2*len(changes)), required)
	for i := range changes {
		if changes[i].kind != opSet {
			return u, false
		}
		args = append(args, changes[i].field, changes[i].text)
	}
	if v := c.plan.version; v != nil && ok {
		var next string
		next, ok = nextVersion(&required[v.at])
		args = append(args, v.Name, next)
	}
	return shortUpdate{c.plan.mutate(), args}, ok && len(args) > 3
}

// appendRequired appends the texts that the fields must have, as mutate.lua
// takes them. It reports false if no field is present, because the record may
// then not exist, or if the texts contain every separator.
func appendRequired(args []string, required []operation) ([]string, bool) {
	separator := byte(0)
	contains := func(op operation) bool { return strings.IndexByte(op.text, separator) >= 0 }
	for slices.ContainsFunc(required, contains) {
		if separator++; separator == ' ' {
			return args, false
		}
	}
	var absent []byte
	var texts strings.Builder
	size := len(required)
	for i := range required {
		size += len(required[i].text)
	}
	texts.Grow(size)
	for i := range required {
		if i > 0 {
			texts.WriteByte(separator)
		}
		if texts.WriteString(required[i].text); !required[i].exists {
			absent = append(strconv.AppendInt(absent, int64(i+1), 10), ' ')
		}
	}
	anyExists := slices.ContainsFunc(required, func(op operation) bool { return op.exists })
	return append(args, string(separator), string(absent), texts.String()), anyExists
}

// nextVersion returns the version after the stored one. It reports false if
// update.lua refuses the stored one.
func nextVersion(stored *operation) (string, bool) {
	if !stored.exists {
		return "1", true
	}
	n, err := strconv.ParseInt(stored.text, 10, 64)
	if err != nil || n == math.MaxInt64 || strconv.FormatInt(n, 10) != stored.text {
		return "", false
	}
	return strconv.FormatInt(n+1, 10), true
}
