package hashrepo

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/version.lua
var versionSource string

// versionStatus is the shape of the replies of version.lua.
var versionStatus = store.Status("CONFLICT", "BADVERSION", "LASTVERSION")

// newScript makes a script of body, which follows preamble.lua and version.lua.
// Its replies have the given shape or are statuses of version.lua.
func newScript(body string, reply store.Shape) *store.Script {
	return store.NewScript(versionSource+body, store.Either(reply, versionStatus))
}

// newTypeCheckingScript is newScript with store.NewTypeCheckingScript.
func newTypeCheckingScript(body string, reply store.Shape) *store.Script {
	return store.NewTypeCheckingScript(versionSource+body, store.Either(reply, versionStatus))
}

// run runs a script of newScript once.
func (c *core) run(ctx context.Context, t fault.Target, script *store.Script, args []string) (rueidis.RedisMessage, error) {
	m, err := c.Run(ctx, t, script, args)
	if err == nil {
		err = c.versionError(t, m)
	}
	return m, err
}

// runMany runs a script of newScript once for each call, in one pipeline.
func (c *core) runMany(ctx context.Context, script *store.Script, calls []store.Call) ([]rueidis.RedisMessage, error) {
	replies, errs := c.RunMany(ctx, script, calls)
	for i := range replies {
		if errs[i] == nil {
			errs[i] = c.versionError(calls[i].Target, replies[i])
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

// versionError returns the error of a status of version.lua, or nil if m is
// another reply.
func (c *core) versionError(t fault.Target, m rueidis.RedisMessage) error {
	if c.plan.version == nil || !m.IsString() {
		return nil
	}
	name, typ := c.plan.version.Name, c.plan.version.Field.Type
	switch status, _ := m.ToString(); status {
	case "CONFLICT":
		return t.NotApplied(errVersion)
	case "BADVERSION":
		return t.WithField(name).NotApplied(storedFieldError(name, typ, errNotNumber))
	case "LASTVERSION":
		return t.WithField(name).NotApplied(overflowError(typ))
	}
	return nil
}
