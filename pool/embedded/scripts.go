package embedded

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2"
	mini "github.com/alicebob/miniredis/v2/server"
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"github.com/symphony-go/symphony/internal/acl"
)

// scripts runs the scripts of this module. Like Redis, it keeps one Lua state
// for all of them. miniredis creates a state for each run, which takes longer
// than most scripts. Other scripts, and those in a transaction, are left to
// miniredis.
type scripts struct {
	redis *miniredis.Miniredis

	// The lock of redis protects the following fields.
	state     *lua.LState
	functions map[string]*lua.LFunction // by digest; nil if miniredis runs the script
	peer      *mini.Peer                // runs the commands of scripts
	db        int                       // of peer
	reply     bytes.Buffer              // to the last command
	replies   *bufio.Writer             // writes to reply
	reader    *bufio.Reader
}

// newScripts returns nil if this version of miniredis is not known.
func newScripts(redis *miniredis.Miniredis) *scripts {
	s := &scripts{redis: redis, functions: map[string]*lua.LFunction{}, reader: bufio.NewReader(nil)}
	s.replies = bufio.NewWriter(&s.reply)
	s.peer = mini.NewPeer(s.replies)
	if s.peer.Ctx = contextOfScripts(redis.Server()); s.peer.Ctx == nil {
		return nil
	}
	if _, known := stateOf(s.peer); !known {
		return nil
	}
	s.state = lua.NewState(lua.Options{SkipOpenLibs: true})
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{{lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath}} {
		s.state.Push(s.state.NewFunction(lib.open))
		s.state.Push(lua.LString(lib.name))
		s.state.Call(1, 0)
	}
	api := s.state.NewTable()
	for name, f := range map[string]lua.LGFunction{
		"call": s.call, "pcall": s.pcall, "error_reply": errorReply, "status_reply": statusReply, "sha1hex": sha1Hex,
	} {
		api.RawSetString(name, s.state.NewFunction(f))
	}
	s.state.SetGlobal("redis", api)
	return s
}

// contextOfScripts returns the context with which miniredis runs the commands
// of a script, which do not take the lock. Only miniredis can create one, so a
// script shows it to a hook.
func contextOfScripts(server *mini.Server) (found any) {
	server.SetPreHook(func(p *mini.Peer, cmd string, _ ...string) bool {
		if cmd == "PING" {
			found = p.Ctx
		}
		return false
	})
	defer server.SetPreHook(nil)
	server.Dispatch(mini.NewPeer(bufio.NewWriter(io.Discard)), []string{"EVAL", "return redis.call('PING')", "0"})
	return found
}

// connState is what miniredis keeps for a connection.
type connState struct {
	db      int
	queues  bool // in a transaction
	special bool // in a transaction, in a script, or subscribed
}

// stateOf reads the state of a connection. It reports whether the version of
// miniredis is known.
func stateOf(p *mini.Peer) (connState, bool) {
	if p.Ctx == nil {
		return connState{}, true
	}
	v := reflect.ValueOf(p.Ctx)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return connState{}, false
	}
	v = v.Elem()
	db, nested := v.FieldByName("selectedDB"), v.FieldByName("nested")
	transaction, subscriber := v.FieldByName("transaction"), v.FieldByName("subscriber")
	if db.Kind() != reflect.Int || nested.Kind() != reflect.Bool || transaction.Kind() != reflect.Slice || subscriber.Kind() != reflect.Pointer {
		return connState{}, false
	}
	queues := !transaction.IsNil()
	return connState{int(db.Int()), queues, queues || nested.Bool() || !subscriber.IsNil()}, true
}

// hook runs EVALSHA if it names a script of this module. It reports whether it
// did.
func (s *scripts) hook(p *mini.Peer, cmd string, args ...string) bool {
	if s == nil || cmd != "EVALSHA" || len(args) < 2 {
		return false
	}
	keys, err := strconv.Atoi(args[1])
	if err != nil || keys < 0 || keys > len(args)-2 {
		return false
	}
	conn, known := stateOf(p)
	if !known || conn.special {
		return false
	}
	s.redis.Lock()
	defer s.redis.Unlock()
	f := s.function(args[0])
	if f == nil {
		return false
	}
	s.run(p, conn.db, f, args[2:2+keys], args[2+keys:])
	return true
}

// function returns the function of a script, or nil if miniredis has to run it.
func (s *scripts) function(sha string) *lua.LFunction {
	f, ok := s.functions[sha]
	if ok {
		return f
	}
	if source, registered := acl.Script(sha); registered && usesOnlyOurs(source) {
		if chunk, err := parse.Parse(strings.NewReader(source), "<string>"); err == nil {
			if proto, err := lua.Compile(chunk, ""); err == nil {
				f = s.state.NewFunctionFromProto(proto)
			}
		}
	}
	s.functions[sha] = f
	return f
}

var apiNames = regexp.MustCompile(`\b(?:redis\.(\w+)|server\.|cjson|cmsgpack|struct\.|bit\.|debug\.|os\.)`)

// usesOnlyOurs reports whether a script uses only functions that the state has.
func usesOnlyOurs(source string) bool {
	for _, m := range apiNames.FindAllStringSubmatch(source, -1) {
		switch m[1] {
		case "call", "pcall", "error_reply", "status_reply", "sha1hex":
		default:
			return false
		}
	}
	return true
}

// run runs a script and writes its reply.
func (s *scripts) run(p *mini.Peer, db int, f *lua.LFunction, keys, args []string) {
	l := s.state
	defer l.SetTop(0)
	if db != s.db {
		if _, err := s.dispatch([]string{"SELECT", strconv.Itoa(db)}); err != nil {
			p.WriteError(err.Error())
			return
		}
		s.db = db
	}
	l.G.Global.RawSetString("KEYS", textTable(l, keys))
	l.G.Global.RawSetString("ARGV", textTable(l, args))
	l.Push(f)
	if err := l.PCall(0, 1, nil); err != nil {
		p.WriteError("ERR Error compiling script (new function): " + err.Error()) // as miniredis does
		return
	}
	writeReply(p, l.Get(-1))
}

func textTable(l *lua.LState, texts []string) *lua.LTable {
	t := l.CreateTable(len(texts), 0)
	for _, text := range texts {
		t.Append(lua.LString(text))
	}
	return t
}

// dispatch runs a command of a script and returns its reply.
func (s *scripts) dispatch(args []string) (any, error) {
	s.reply.Reset()
	s.redis.Server().Dispatch(s.peer, args)
	s.peer.Flush()
	s.reader.Reset(&s.reply)
	return mini.ParseReply(s.reader)
}

// call is redis.call.
func (s *scripts) call(l *lua.LState) int {
	reply, err := s.dispatch(commandOf(l))
	if err != nil {
		l.Error(lua.LString(errorText(err)), 1)
	}
	l.Push(luaValue(l, reply))
	return 1
}

// pcall is redis.pcall.
func (s *scripts) pcall(l *lua.LState) int {
	reply, err := s.dispatch(commandOf(l))
	if err != nil {
		l.Push(singleField(l, "err", errorText(err)))
	} else {
		l.Push(luaValue(l, reply))
	}
	return 1
}

// errorText returns the text of a command's error, as scripts see it.
func errorText(err error) string {
	if strings.Contains(err.Error(), "ERR unknown command") {
		return "ERR Unknown Redis command called from script"
	}
	return err.Error()
}

// commandOf returns the arguments of redis.call.
func commandOf(l *lua.LState) []string {
	args := make([]string, l.GetTop())
	for i := range args {
		switch a := l.Get(i + 1).(type) {
		case lua.LNumber:
			args[i] = a.String()
		case lua.LString:
			args[i] = string(a)
		default:
			l.Error(lua.LString("Lua redis lib command arguments must be strings or integers"), 1)
		}
	}
	if len(args) == 0 {
		l.Error(lua.LString("Please specify at least one argument for this redis lib call"), 1)
	}
	return args
}

// errorReply is redis.error_reply.
func errorReply(l *lua.LState) int {
	text := strings.TrimPrefix(l.CheckString(1), "-")
	if !strings.Contains(text, " ") {
		text = "ERR " + text
	}
	l.Push(singleField(l, "err", text))
	return 1
}

// statusReply is redis.status_reply.
func statusReply(l *lua.LState) int {
	l.Push(singleField(l, "ok", l.CheckString(1)))
	return 1
}

// sha1Hex is redis.sha1hex.
func sha1Hex(l *lua.LState) int {
	sum := sha1.Sum([]byte(l.CheckString(1))) //nolint:gosec // the function is SHA1
	l.Push(lua.LString(hex.EncodeToString(sum[:])))
	return 1
}

func singleField(l *lua.LState, name, text string) *lua.LTable {
	t := l.CreateTable(0, 1)
	t.RawSetString(name, lua.LString(text))
	return t
}

// luaValue converts a reply of a command.
func luaValue(l *lua.LState, reply any) lua.LValue {
	switch r := reply.(type) {
	case nil:
		return lua.LFalse
	case int:
		return lua.LNumber(r)
	case int64:
		return lua.LNumber(r)
	case string:
		return lua.LString(r)
	case []byte:
		return lua.LString(r)
	case mini.Simple:
		return singleField(l, "ok", string(r))
	case []any:
		t := l.CreateTable(len(r), 0)
		for _, e := range r {
			t.Append(luaValue(l, e))
		}
		return t
	default:
		panic(fmt.Sprintf("embedded: a command replied with type %T", r))
	}
}

// writeReply writes the result of a script.
func writeReply(p *mini.Peer, result lua.LValue) {
	switch r := result.(type) {
	case lua.LBool:
		if r {
			p.WriteInt(1)
		} else {
			p.WriteNull()
		}
	case lua.LNumber:
		p.WriteInt(int(r))
	case lua.LString:
		p.WriteBulk(string(r))
	case *lua.LTable:
		if text := r.RawGetString("err"); text != lua.LNil {
			p.WriteError(text.String())
			return
		}
		if text := r.RawGetString("ok"); text != lua.LNil {
			p.WriteInline(text.String())
			return
		}
		n := 0
		for r.RawGetInt(n+1) != lua.LNil {
			n++
		}
		p.WriteLen(n)
		for i := range n {
			writeReply(p, r.RawGetInt(i+1))
		}
	default:
		p.WriteNull()
	}
}
