package expiry

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/right"
)

//go:embed lua/*.lua
var sources embed.FS

// scripts are what changes a schedule, each in one atomic step. Those that
// change nothing when they are repeated are retried by the client.
type scripts struct {
	schedule, cancel, look, ack, extend, defers, revive, discard, adopt, swept *rueidis.Lua

	claim, turn *rueidis.Lua // never retried: what a lost answer gave is given
}

var lua = compile(source("clock"))

// compile makes the scripts on a clock, each of the parts that it needs.
func compile(clock string) *scripts {
	text := func(names ...string) string {
		parts := []string{clock, source("number")}
		for _, name := range names {
			parts = append(parts, source(name))
		}
		return strings.Join(parts, "")
	}
	retried := func(names ...string) *rueidis.Lua { return rueidis.NewLuaScriptRetryable(right.Script(text(names...))) }
	return &scripts{
		schedule: retried("set", "key", "wake", "schedule"),
		cancel:   retried("key", "cancel"),
		look:     retried("key", "look"),
		ack:      retried("record", "ack"),
		extend:   retried("full", "record", "extend"),
		defers:   retried("full", "record", "wake", "defer"),
		revive:   retried("record", "wake", "revive"),
		discard:  retried("discard"),
		adopt:    retried("key", "wake", "adopt"),
		swept:    retried("swept"),
		claim:    rueidis.NewLuaScript(right.Script(text("full", "key", "record", "claim"))),
		turn:     rueidis.NewLuaScript(right.Script(text("turn"))),
	}
}

func source(name string) string {
	text, err := fs.ReadFile(sources, "lua/"+name+".lua")
	if err != nil {
		panic(err) // the file is embedded
	}
	return string(text)
}

// run executes a script and gives its reply.
func run(ctx context.Context, c rueidis.Client, script *rueidis.Lua, keys, args []string) (rueidis.RedisMessage, error) {
	return script.Exec(ctx, c, keys, args).ToMessage()
}

var errReply = errors.New("the server answered what its script does not say")
