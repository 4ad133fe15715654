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
	schedule, cancel, look, ack, extend, defers, bury, revive, discard, adopt, mend, keep, swept *rueidis.Lua

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
		schedule: retried("set", "sound", "key", "wake", "schedule"),
		cancel:   retried("sound", "key", "cancel"),
		look:     retried("sound", "key", "look"),
		ack:      retried("sound", "record", "ack"),
		extend:   retried("full", "sound", "record", "extend"),
		defers:   retried("full", "sound", "record", "wake", "defer"),
		bury:     retried("full", "sound", "record", "bury"),
		revive:   retried("sound", "record", "wake", "revive"),
		discard:  retried("sound", "discard"),
		adopt:    retried("sound", "key", "wake", "adopt"),
		mend:     retried("full", "sound", "key", "record", "aside", "mend"),
		keep:     retried("keep"),
		swept:    retried("swept"),
		claim:    rueidis.NewLuaScript(right.Script(text("full", "sound", "key", "record", "aside", "claim"))),
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
