package hashrepo

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/sorttext"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/version.lua
var versionSource string

var (
	//go:embed lua/index.lua
	indexFunctions string
	//go:embed lua/index_write.lua
	indexWriteSource string

	// indexSource is what the scripts that read need.
	indexSource = sorttext.Lua + indexFunctions
)

// versionStatus is the shape of the replies of version.lua.
var versionStatus = store.Status("CONFLICT", "BADVERSION", "LASTVERSION")

// writeScript is a script of one method in two forms: for records alone, and
// for records with a list and indexes.
type writeScript struct{ plain, listed *store.Script }

// newScript makes a script of body, which follows preamble.lua, version.lua
// and, if the space has a list, index_write.lua. Its replies have the given
// shape or are statuses of those.
func newScript(body string, reply store.Shape) *writeScript {
	return newScriptWith(store.NewScript, "", body, reply)
}

// newTypeCheckingScript is newScript with store.NewTypeCheckingScript. If the
// space has a list, the body follows library.
func newTypeCheckingScript(library, body string, reply store.Shape) *writeScript {
	return newScriptWith(store.NewTypeCheckingScript, library, body, reply)
}

func newScriptWith(compile func(string, store.Shape) *store.Script, library, body string, reply store.Shape) *writeScript {
	return &writeScript{
		plain:  compile(versionSource+body, store.Either(reply, versionStatus)),
		listed: compile(versionSource+library+indexFunctions+indexWriteSource+body, store.Either(reply, versionStatus, isHeld)),
	}
}

// isHeld accepts the status HELD of index_write.lua.
func isHeld(m rueidis.RedisMessage) bool {
	if !m.IsString() {
		return false
	}
	text, err := m.ToString()
	return err == nil && strings.HasPrefix(text, heldStatus)
}

const heldStatus = "HELD "

// script returns the form of a script for the repository, and the keys that it
// takes after the record.
func (c *core) script(s *writeScript) (*store.Script, []string) {
	if c.listing == nil {
		return s.plain, nil
	}
	return s.listed, c.listing.writeKeys
}

// run runs a script of newScript once.
func (c *core) run(ctx context.Context, t fault.Target, script *writeScript, args []string) (rueidis.RedisMessage, error) {
	form, keys := c.script(script)
	m, err := c.Run(ctx, t, form, args, keys...)
	if err == nil {
		err = c.statusError(t, m)
	}
	return m, err
}

// runMany runs a script of newScript, or a short one, once for each call, in
// one pipeline.
func (c *core) runMany(ctx context.Context, calls []store.Call, script *store.Script, keys ...string) ([]rueidis.RedisMessage, error) {
	replies, errs := c.RunMany(ctx, script, calls, keys...)
	for i := range replies {
		if errs[i] == nil {
			errs[i] = c.statusError(calls[i].Target, replies[i])
		}
	}
	var steps fault.Steps
	return replies, steps.Join(calls[0].Target, errs...)
}

// args returns the arguments of version.lua, with room for n more. The script
// requires the version that IfVersion gives, if any.
func (c *core) args(n int) []string {
	version := ""
	if c.Version != nil {
		version = strconv.FormatInt(*c.Version, 10)
	}
	return c.versionArgs(version, n)
}

// versionArgs is args with the required version. An empty version requires
// none.
func (c *core) versionArgs(version string, n int) []string {
	versionField := ""
	if c.plan.version != nil {
		versionField = c.plan.version.Name
	} else {
		version = ""
	}
	return append(make([]string, 0, 3+n), versionField, version, flag(c.FieldLifetimes()))
}

var errVersion = fmt.Errorf("%w or deleted: the stored version is not the expected one; read the record again", fault.ErrConflict)

// statusError returns the error of a status of version.lua or index_write.lua,
// or nil if m is another reply.
func (c *core) statusError(t fault.Target, m rueidis.RedisMessage) error {
	if c.plan.version == nil && c.listing == nil || !m.IsString() {
		return nil
	}
	status, _ := m.ToString()
	if held, ok := strings.CutPrefix(status, heldStatus); ok && c.listing != nil {
		return c.heldError(t, held)
	}
	if c.plan.version == nil {
		return nil
	}
	name, typ := c.plan.version.Name, c.plan.version.Field.Type
	switch status {
	case "CONFLICT":
		return t.NotApplied(errVersion)
	case "BADVERSION":
		return t.WithField(name).NotApplied(storedFieldError(name, typ, errNotNumber))
	case "LASTVERSION":
		return t.WithField(name).NotApplied(overflowError(typ))
	}
	return nil
}

// heldError returns the error of the status HELD, which names a unique index
// and the id that has the value.
func (c *core) heldError(t fault.Target, held string) error {
	name, escaped, _ := strings.Cut(held, " ")
	i := slices.IndexFunc(c.plan.indexes, func(x *index) bool { return x.name == name })
	id, err := url.PathUnescape(escaped)
	if err != nil || i < 0 {
		return t.Applied(store.ErrShape)
	}
	t = t.WithField(c.plan.indexes[i].field.Name)
	return t.NotApplied(fmt.Errorf("%w: the value is unique, and the record %q has it", fault.ErrExists, c.listing.id(id)))
}
