package expiry

import (
	"context"
	"embed"
	"io/fs"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/*.lua
var sources embed.FS

// script is a script whose replies have a shape.
type script struct {
	*rueidis.Lua
	reply store.Reply
}

// read refuses a reply of another shape.
func (s script) read(r rueidis.RedisResult) (rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if (err == nil || rueidis.IsRedisNil(err)) && !s.reply(m) {
		err = errReply
	}
	return m, err
}

// isNumber is a number, as one or in digits: what Lua would round is a string.
func isNumber(m rueidis.RedisMessage) bool {
	_, err := m.AsInt64()
	return err == nil
}

// counts is an array of integers that are not negative.
func counts(m rueidis.RedisMessage) bool {
	parts, err := m.ToArray()
	return err == nil && !slices.ContainsFunc(parts, func(p rueidis.RedisMessage) bool { return !store.Count(p) })
}

func anArray(m rueidis.RedisMessage) bool { return m.IsArray() }

func isNil(m rueidis.RedisMessage) bool { return m.IsNil() }

// scripts are what changes a schedule, each in one atomic step. Those that
// change nothing when they are repeated are retried by the client.
type scripts struct {
	schedule, cancel, look, ack, extend, defers, bury, revive, discard, adopt, mend, keep, swept script

	claim, turn script // never retried: what a lost answer gave is given
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
	retried := func(reply store.Reply, names ...string) script {
		return script{rueidis.NewLuaScriptRetryable(acl.RegisterScript(text(names...))), reply}
	}
	return &scripts{
		schedule: retried(store.Either(isNumber, store.Status("NOTFOUND", "EXISTS")), "set", "sound", "key", "wake", "schedule"),
		cancel:   retried(store.Flag, "sound", "key", "cancel"),
		look:     retried(store.Either(isNumber, isNil), "sound", "key", "look"),
		ack:      retried(counts, "sound", "record", "ack"),
		extend:   retried(counts, "full", "sound", "record", "extend"),
		defers:   retried(store.Count, "full", "sound", "record", "wake", "defer"),
		bury:     retried(store.Count, "full", "sound", "record", "bury"),
		revive:   retried(store.Flag, "sound", "record", "wake", "revive"),
		discard:  retried(store.Flag, "sound", "discard"),
		adopt:    retried(store.Count, "sound", "key", "wake", "adopt"),
		mend:     retried(store.Tuple(store.Text, store.Count, store.Count, store.Count, store.Texts), "full", "sound", "key", "record", "aside", "mend"), //nolint:gocritic // a reply may hold several counts
		keep:     retried(store.Flag, "keep"),
		swept:    retried(store.Flag, "swept"),
		claim:    script{rueidis.NewLuaScript(acl.RegisterScript(text("full", "sound", "key", "record", "aside", "claim"))), anArray},
		turn:     script{rueidis.NewLuaScript(acl.RegisterScript(text("turn"))), isNumber},
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
func run(ctx context.Context, c rueidis.Client, s script, keys, args []string) (rueidis.RedisMessage, error) {
	return s.read(s.Exec(ctx, c, keys, args))
}

var errReply = store.ErrShape
