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

//go:embed lua
var sources embed.FS

// script is a Lua script and the check of its replies.
type script struct {
	*rueidis.Lua
	sha   string
	reply store.Shape
}

// command returns the command that runs the script if the server has it.
func (s script) command(c rueidis.Client, keys, args []string) rueidis.Completed {
	return c.B().Evalsha().Sha1(s.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// read returns the reply, or an error if the reply has an unexpected form.
func (s script) read(r rueidis.RedisResult) (rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if (err == nil || rueidis.IsRedisNil(err)) && !s.reply(m) {
		err = errReply
	}
	return m, err
}

// isNumber reports whether m is an integer, or a string of digits. Scripts
// return large numbers as strings, which Lua would round.
func isNumber(m rueidis.RedisMessage) bool {
	_, err := m.AsInt64()
	return err == nil
}

// isCounts reports whether m is an array of integers that are not negative.
func isCounts(m rueidis.RedisMessage) bool {
	parts, err := m.ToArray()
	return err == nil && !slices.ContainsFunc(parts, func(p rueidis.RedisMessage) bool { return !store.Count(p) })
}

func isArray(m rueidis.RedisMessage) bool { return m.IsArray() }

func isNil(m rueidis.RedisMessage) bool { return m.IsNil() }

// scripts are all scripts. Each is named after the method that runs it. The
// client repeats those that change nothing if they are repeated.
type scripts struct {
	set, delete, due, rule, look, ack, ackRecurring, renew, putBack, deadLetter, retry, discard, freePlaces, renewPlaces, trimDead, adopt, repair, renewSweep, endSweep, erase, restore script

	claim, beginSweep script // never repeated: the work of a lost reply stays claimed
}

var lua = compile(source("lib/clock"))

// compile builds the scripts from a clock and the files that each needs, in
// their order. Code that is not reached costs nothing, but a call makes every
// function anew that stands before its return.
func compile(clock string) *scripts {
	text := func(names ...string) string {
		parts := []string{clock}
		for _, name := range names {
			parts = append(parts, source(name))
		}
		return strings.Join(parts, "")
	}
	retried := func(reply store.Shape, names ...string) script {
		source := acl.RegisterScript(text(names...))
		return script{rueidis.NewLuaScriptRetryable(source), store.ScriptSHA(source), reply}
	}
	once := func(reply store.Shape, names ...string) script {
		source := acl.RegisterScript(text(names...))
		return script{rueidis.NewLuaScript(source), store.ScriptSHA(source), reply}
	}
	return &scripts{
		set:          retried(store.Either(isNumber, store.Status("NOTFOUND", "EXISTS", "UNHANDLED")), "lib/set_fast", "lib/number", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/rule", "set"),
		delete:       retried(store.Flag, "lib/number", "lib/check", "lib/trigger", "lib/status", "lib/rule", "delete"),
		due:          retried(store.Either(isNumber, isNil, store.Tuple(isNumber, isNumber, store.Text)), "lib/number", "lib/check", "lib/trigger", "lib/status", "lib/rule", "due"), //nolint:gocritic // the reply has two times
		rule:         retried(store.Either(store.Text, isNil), "lib/number", "lib/check", "lib/trigger", "lib/status", "lib/rule", "rule"),
		look:         retried(isArray, "lib/number", "lib/check", "look"),
		ack:          retried(isCounts, "lib/ack_fast", "lib/check", "lib/status", "lib/number", "lib/trigger", "lib/wake", "lib/turn", "ack"),
		ackRecurring: retried(isCounts, "lib/number", "lib/write_when_full", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "lib/rule", "lib/set_again", "ack_recurring"),
		renew:        retried(isCounts, "lib/number", "lib/write_when_full", "lib/check", "lib/status", "renew"),
		putBack:      retried(store.UpTo(int64(putBackDead)), "lib/number", "lib/write_when_full", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "lib/rule", "lib/set_again", "put_back"),
		deadLetter:   retried(store.Count, "lib/number", "lib/write_when_full", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "dead_letter"),
		retry:        retried(store.UpTo(int64(deadLetterWaits)), "lib/number", "lib/write_when_full", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "retry"),
		discard:      retried(store.Flag, "lib/check", "lib/status", "lib/discard", "discard"),
		trimDead:     retried(store.Tuple(store.Count, store.Number), "lib/number", "lib/check", "lib/status", "lib/discard", "trim_dead"),
		adopt:        retried(store.Count, "lib/number", "lib/check", "lib/trigger", "lib/wake", "adopt"),
		repair:       retried(store.Tuple(store.Text, store.Count, store.Count, store.Count, store.Texts), "lib/number", "lib/write_when_full", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "lib/key", "lib/set_aside", "lib/tenant", "repair"), //nolint:gocritic // the reply has several counts
		freePlaces:   retried(store.Count, "free_places"),
		renewPlaces:  retried(store.Flag, "lib/number", "lib/running", "renew_places"),
		renewSweep:   retried(store.Flag, "renew_sweep"),
		endSweep:     retried(store.Flag, "end_sweep"),
		erase:        retried(isCounts, "lib/write_when_full", "lib/status", "erase"),
		restore:      retried(store.Flag, "lib/number", "lib/check", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "restore"),
		claim:        once(isArray, "lib/check", "lib/key", "lib/claim_fast", "lib/number", "lib/tenant", "lib/backlog", "lib/claim_turns", "lib/write_when_full", "lib/trigger", "lib/status", "lib/wake", "lib/turn", "lib/set_aside", "lib/running", "lib/places", "claim"),
		beginSweep:   once(store.Texts, "lib/number", "begin_sweep"),
	}
}

func source(name string) string {
	text, err := fs.ReadFile(sources, "lua/"+name+".lua")
	if err != nil {
		panic(err) // the file is embedded
	}
	return string(text)
}

// runScript runs a script and returns its reply.
func runScript(ctx context.Context, c rueidis.Client, s script, keys, args []string) (rueidis.RedisMessage, error) {
	return s.read(s.Exec(ctx, c, keys, args))
}

var errReply = store.ErrShape
