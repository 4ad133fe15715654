package systemtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// monitor reads the commands of a node, also those within scripts.
type monitor struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
	admin rueidis.Client
	marks int
}

func newMonitor(t *testing.T, node *redistest.Instance, admin rueidis.Client) *monitor {
	t.Helper()
	conn, err := net.Dial("tcp", node.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	m := &monitor{t: t, conn: conn, lines: bufio.NewReaderSize(conn, 1<<20), admin: admin}
	_, err = conn.Write([]byte("MONITOR\r\n"))
	require.NoError(t, err)
	line, err := m.lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", line)
	return m
}

// commands returns the commands since the last call.
func (m *monitor) commands() (all [][]string) {
	m.t.Helper()
	m.marks++
	mark := fmt.Sprint("mark ", m.marks)
	require.NoError(m.t, m.admin.Do(m.t.Context(), m.admin.B().Echo().Message(mark).Build()).Error())
	require.NoError(m.t, m.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	for {
		line, err := m.lines.ReadString('\n')
		require.NoError(m.t, err)
		args := monitoredArgs(m.t, line)
		if len(args) == 2 && args[1] == mark {
			return all
		}
		all = append(all, args)
	}
}

// monitoredArgs parses a line of MONITOR: a time, the origin in brackets, and
// quoted arguments.
func monitoredArgs(t *testing.T, line string) (args []string) {
	_, rest, ok := strings.Cut(line, "] ")
	require.True(t, ok, "%.200q", line)
	for rest = strings.TrimRight(rest, "\r\n"); rest != ""; rest = strings.TrimPrefix(rest, " ") {
		end := 1
		for ; rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end++
			}
		}
		arg, err := strconv.Unquote(rest[:end+1])
		require.NoError(t, err, "%.200q", rest)
		args, rest = append(args, arg), rest[end+1:]
	}
	return args
}

// Commands by where their keys are.
var (
	keylessCommands = strings.Fields("hello auth select ping client multi exec discard script time config info echo command acl cluster readonly quit unsubscribe sunsubscribe role")
	manyKeyCommands = strings.Fields("unlink del exists")
	twoKeyCommands  = strings.Fields("rename lmove")
	channelCommands = strings.Fields("publish spublish subscribe ssubscribe")
	oneKeyCommands  = strings.Fields("get set type ttl pttl persist pexpire pexpireat pexpiretime expire sort " +
		"hset hsetnx hget hmget hgetall hdel hexists hkeys hlen hscan hincrby hrandfield hpexpiretime hpexpire hpexpireat hpttl " +
		"llen lpush rpush lpop lrange ltrim lindex sadd srem scard sismember smembers sscan " +
		"zadd zrem zcard zcount zscore zmscore zincrby zrange zrangebyscore zrangebylex zrevrange zrevrangebylex zlexcount zremrangebyrank zscan " +
		"xadd xlen xrange xrevrange")
)

// touched returns the keys, the patterns of SCAN and the channels of a command.
// It reports false if the command is unknown.
func touched(args []string) (keys, channels []string, ok bool) {
	switch name := strings.ToLower(args[0]); {
	case slices.Contains(keylessCommands, name):
		return nil, nil, true
	case slices.Contains(manyKeyCommands, name):
		return args[1:], nil, true
	case slices.Contains(twoKeyCommands, name):
		return args[1:3], nil, true
	case slices.Contains(channelCommands, name):
		if strings.HasSuffix(name, "publish") {
			return nil, args[1:2], true
		}
		return nil, args[1:], true
	case name == "sort":
		keys = args[1:2]
		if i := slices.Index(args, "STORE"); i > 0 {
			keys = []string{args[1], args[i+1]}
		}
		return keys, nil, true
	case slices.Contains(oneKeyCommands, name):
		return args[1:2], nil, true
	case name == "eval" || name == "evalsha":
		n, err := strconv.Atoi(args[2])
		return args[3 : 3+n], nil, err == nil
	case name == "scan":
		i := slices.IndexFunc(args, func(a string) bool { return strings.EqualFold(a, "match") })
		if i < 0 {
			return []string{""}, nil, true
		}
		return []string{shortestMatch(args[i+1])}, nil, true
	}
	return nil, nil, false
}

// shortestMatch returns the shortest text that a glob without classes matches.
func shortestMatch(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch {
		case glob[i] == '\\' && i+1 < len(glob):
			i++
			b.WriteByte(glob[i])
		case glob[i] != '*':
			b.WriteByte(glob[i])
		}
	}
	return b.String()
}

// isolation checks that commands of one tenant stay within its keys and those
// that all tenants share.
type isolation struct {
	s      *aclServers
	tenant string
	rules  []string // of the tenant; nil if there are none
	known  map[string]bool

	commands, keys int
}

// check returns what a tenant's commands touched that it may not.
func (c *isolation) check(t *testing.T, commands [][]string) (strange []string) {
	t.Helper()
	var probes rueidis.Commands
	var probed []string
	admin := c.s.admins[0]
	probe := func(text string, command ...string) {
		if c.rules != nil && !c.known[text] {
			c.known[text] = true
			probed = append(probed, text)
			probes = append(probes, admin.B().Arbitrary(append([]string{"ACL", "DRYRUN", "isolated"}, command...)...).Build())
		}
	}
	for _, args := range commands {
		keys, channels, ok := touched(args)
		if !ok {
			strange = append(strange, fmt.Sprintf("the command %s is unknown to this test", args[0]))
			continue
		}
		c.commands++
		for _, key := range keys {
			c.keys++
			if !c.owns(key) && !(strings.EqualFold(args[0], "scan") && c.beginsLikeOwned(key)) {
				strange = append(strange, fmt.Sprintf("%s uses the key %.200q", args[0], key))
			}
			if !strings.EqualFold(args[0], "scan") { // to which no rule applies
				probe(key, "GET", key)
			}
		}
		for _, channel := range channels {
			probe(channel, "PUBLISH", channel, "m")
		}
	}
	if len(probes) > 0 {
		for i, reply := range admin.DoMulti(t.Context(), probes...) {
			text, err := reply.ToString()
			require.NoError(t, err)
			if text != "OK" {
				strange = append(strange, fmt.Sprintf("no rule matches %.200q: %.200s", probed[i], text))
			}
		}
	}
	return strange
}

// owns reports whether a key is the tenant's or one that tenants share, by the
// parser of the keys.
func (c *isolation) owns(key string) bool {
	bare := key
	if c.s.config.PrefixKeys || len(c.s.nodes) > 1 {
		bare = strings.TrimPrefix(key, "expiry:")
	}
	if strings.HasPrefix(bare, "%exp") {
		return true
	}
	before := key
	if at := strings.LastIndexByte(key, ':'); strings.HasPrefix(key, "%queues") || strings.HasPrefix(key, "%index:") || strings.HasPrefix(key, "%index%:") {
		if before = key[:at]; key[1] == 'q' && key[at+1:] != strings.NewReplacer("%", "%25", ":", "%3A").Replace(c.tenant) {
			return false
		}
	}
	kind, record, isBeside := keyspace.ParseBeside(before)
	if !isBeside {
		record = before
	}
	record, _, _ = strings.Cut(record, "\x00")
	if c.s.config.PrefixKeys || len(c.s.nodes) > 1 {
		alias, rest, ok := strings.Cut(record, ":")
		if !ok || alias == "" {
			return false
		}
		record = rest
	}
	if _, ok := c.s.layout.PendingSet.Parse(record); ok {
		return true
	}
	if kind == "spaces" || kind == "indexed" {
		record += ":x"
		if parts, ok := c.s.layout.Generic.Parse(record); ok {
			return parts[0] == c.tenant
		}
	}
	for _, p := range []keyspace.Pattern{c.s.layout.Generic, c.s.layout.BatchList, c.s.layout.Trigger, c.s.layout.User} {
		if parts, ok := p.Parse(record + map[bool]string{true: "x"}[strings.HasSuffix(record, ":") && isBeside]); ok && parts[0] == c.tenant {
			return true
		}
	}
	return false
}

// beginsLikeOwned reports whether the shortest match of a pattern of SCAN
// begins like the keys of the tenant, or of a schedule.
func (c *isolation) beginsLikeOwned(key string) bool {
	if c.s.config.PrefixKeys || len(c.s.nodes) > 1 {
		_, key, _ = strings.Cut(key, ":")
	}
	tenant := c.tenant
	if !c.s.layout.User.IsPython() {
		tenant = strings.NewReplacer("%", "%25", ":", "%3A").Replace(tenant)
	}
	for _, beginning := range []string{tenant + ":", "{" + tenant + "}:", tenant + "{", "%exp"} {
		if strings.HasPrefix(key, beginning) {
			return true
		}
	}
	return false
}

// hostileTexts imitate other keys, globs, tags, escapes and tenants.
var hostileTexts = []string{
	"*", "?", "[a-z]", "a:b", "globex:user:1", "{x}", "x}y", "x{y", "{globex:batch:s:e:a}", ":{globex:", "%", "%3A", "%25", "%exp", "%exp:due:remind", "a b", "a\nb", "\t",
	"é\xff\xfe", "\x00any", "any", "a\x00b", "\\", "\\*", "^-~&+", "pending_batches", "globex", "u1", "",
	strings.Repeat("k", 64<<10),
}

// drive calls the repositories of a tenant with hostile names.
func drive(ctx context.Context, p *pool.Pools, tenant string, text func() string) error {
	var errs []error
	add := func(err error) {
		// An invalid key or name is refused before anything is sent. Data under
		// an equal name may be of another call.
		for _, harmless := range []error{symphony.ErrInvalidKey, symphony.ErrNotFound, symphony.ErrUnsupported, symphony.ErrInvalidArgument, symphony.ErrExists, symphony.ErrWrongType, symphony.ErrLimited} {
			if errors.Is(err, harmless) {
				return
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	hash := func(r *hashrepo.HashRepo[indexedRecord], err error) {
		if add(err); err != nil {
			return
		}
		id := text()
		add(r.Upsert(ctx, id, indexedRecord{text(), 7, "A"}))
		add(errorOf(r.Get(ctx, id)))
		add(r.UpdateField(ctx, id, "age", 8))
		add(errorOf(r.FindByField(ctx, "email", text())))
		add(firstError(r.IDs(ctx)))
		add(errorOf(r.Sweep(ctx)))
		add(errorOf(r.Delete(ctx, id, text())))
		add(errorOf(r.DeleteAll(ctx)))
	}
	if u, err := symphony.NewUser[indexedRecord](p, tenant); err == nil {
		hash(u.HashRepo, nil)
	}
	if h, err := symphony.NewStateHandler[indexedRecord](p, tenant, text()); err == nil {
		hash(h.HashRepo, nil)
	}
	if tb, err := symphony.NewTable[indexedRecord](p, tenant, text()); err == nil {
		hash(tb.HashRepo, nil)
	}
	if ss, err := symphony.NewSharedState(p, tenant, text()); err == nil {
		hash(symphony.StateOf[indexedRecord](ss))
		add(ss.UpdateField(ctx, text(), text(), text()))
		add(errorOf(ss.Clear(ctx)))
	}
	if g, err := symphony.NewGeneric[string](p, tenant); err == nil {
		add(g.Set(ctx, text(), text()))
		add(errorOf(g.GetOrLoad(ctx, text(), func(context.Context) (string, error) { return text(), nil })))
		add(firstError(g.IDs(ctx)))
		add(errorOf(g.DeleteAll(ctx)))
	}
	if b, err := symphony.NewBatch[string](p, tenant); err == nil {
		q := symphony.Queue{Service: text(), Entity: text(), Action: text()}
		add(errorOf(b.Enqueue(ctx, q, text(), text())))
		c, err := b.Claim(ctx, q, 1, time.Minute)
		if add(err); err == nil && c != nil {
			add(c.Fail(ctx, errors.New("once more")))
		}
		c, err = b.Claim(ctx, q, 2, time.Minute)
		if add(err); err == nil && c != nil {
			add(c.Ack(ctx))
		}
		add(errorOf(symphony.RemoveFromPending(ctx, p, q.Service, tenant)))
		add(errorOf(b.Delete(ctx, q)))
	}
	if tr, err := symphony.NewTrigger(p, tenant); err == nil {
		action, id := text(), text()
		add(tr.SetPayload(ctx, action, id, text(), time.Hour))
		add(errorOf(tr.Due(ctx, action, id)))
		add(errorOf(tr.Delete(ctx, text(), id)))
		add(errorOf(tr.DeleteAll(ctx, id)))
	}
	if f, err := symphony.NewFeed[string](p, tenant, text()); err == nil {
		id := text()
		add(errorOf(f.Append(ctx, id, text())))
		add(errorOf(f.Read(ctx, id, "", 9)))
		add(errorOf(f.Delete(ctx, id)))
	}
	if l, err := symphony.NewLimiter(p, tenant, symphony.Rate{Limit: 5, Per: time.Hour}); err == nil {
		add(errorOf(l.Take(ctx, text(), 1)))
	}
	if topic, err := symphony.NewTopic[string](p, tenant, text()); err == nil {
		add(errorOf(topic.Publish(ctx, text())))
	}
	return errors.Join(errs...)
}

// Whatever a tenant and its names contain, no command that the server gets
// leaves the keys of the tenant and those that all tenants share: by the parser
// of the keys, and by the rules of ACL. MONITOR shows each command.
func TestNoCommandLeavesTheTenant(t *testing.T) {
	pooltest.Long(t)
	checkIsolation(t, 1, 2)
}

func TestSoakNoCommandLeavesTheTenant(t *testing.T) {
	requireSoak(t)
	checkIsolation(t, 20, 1)
}

// checkIsolation tries one of so many hostile tenants in each round.
func checkIsolation(t *testing.T, rounds, share int) {
	t.Helper()
	eachACLDeployment(t, func(t *testing.T, s *aclServers) {
		s.setUser("service", []string{"allcommands", "allkeys", "allchannels"})
		p := s.open("service")
		var monitors []*monitor
		for i, node := range s.nodes {
			monitors = append(monitors, newMonitor(t, node, s.admins[i]))
		}
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		inputs, commands, keys, withRules := 0, 0, 0, 0
		for round := range rounds {
			for i, tenant := range hostileTexts {
				if (i+int(seed%1000))%share != 0 {
					continue
				}
				c := &isolation{s: s, tenant: tenant, rules: s.layout.ACL(tenant, s.options()...), known: map[string]bool{}}
				if c.rules != nil {
					withRules++
					s.setUser("isolated", append(slices.Clone(c.rules), "+get", "+publish"))
				}
				for _, m := range monitors {
					m.commands() // those of this test
				}
				text := func() string { inputs++; return hostileTexts[random.IntN(len(hostileTexts))] }
				err := drive(t.Context(), p, tenant, text)
				require.NoError(t, err, "tenant %.100q, round %d, seed %d", tenant, round, seed)
				for _, m := range monitors {
					require.Empty(t, c.check(t, m.commands()), "tenant %.100q, round %d, seed %d", tenant, round, seed)
				}
				commands, keys = commands+c.commands, keys+c.keys
			}
		}
		require.Positive(t, withRules)
		t.Logf("%d inputs, %d commands, %d keys; %d tenants had rules", inputs, commands, keys, withRules)
	})
}

// The check finds a key without its tenant, and a rule that is missing.
func TestTheCheckFindsAKeyOutsideTheTenant(t *testing.T) {
	node := redistest.Server(t)
	s := newACLServers(t, node.URL(), []*redistest.Instance{node}, pool.Config{}, keyspace.Default())
	s.setUser("service", []string{"allcommands", "allkeys", "allchannels"})
	p := s.open("service")
	space, err := keyspace.MustCompile("user:{id}").Bind() // the tenant was dropped
	require.NoError(t, err)
	dropped, err := hashrepo.New[plainRecord](p, pool.User, space)
	require.NoError(t, err)
	users, err := symphony.NewUser[plainRecord](p, "acme")
	require.NoError(t, err)
	m := newMonitor(t, node, s.admins[0])
	check := func(rules []string, call func() error) []string {
		s.setUser("isolated", append(slices.Clone(rules), "+get", "+publish"))
		_ = m.commands()
		require.NoError(t, call())
		return (&isolation{s: s, tenant: "acme", rules: rules, known: map[string]bool{}}).check(t, m.commands())
	}
	rules := s.layout.ACL("acme")
	require.Empty(t, check(rules, func() error { return users.Upsert(t.Context(), "1", plainRecord{}) }))
	require.NotEmpty(t, check(rules, func() error { return dropped.Upsert(t.Context(), "1", plainRecord{}) }))
	require.NotEmpty(t, check(withoutRecords(rules), func() error { return users.Upsert(t.Context(), "1", plainRecord{}) }))
}

// withoutRecords returns the rules without that of the tenant's records.
func withoutRecords(rules []string) []string {
	return slices.DeleteFunc(slices.Clone(rules), func(rule string) bool { return rule == "~acme:*" })
}
