package expiry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// testClock is a clock that the test sets. The scripts run unchanged, with a
// time years ahead, so that the server expires no key.
const testClock = "local function clock() return tonumber(redis.call('GET', 'clock')) end\n"

const graceMS = 3600000

// For any sequence of operations, and whatever another service does to the keys
// meanwhile, the keys in Redis are those of a simple model.
func TestScheduleIsTheModel(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, p, client)
		t.Repeat(map[string]func(*rapid.T){
			"":              m.compare,
			"set":           m.set,
			"debounce":      m.debounce,
			"delete":        m.delete,
			"due":           m.dueTime,
			"claim":         m.claim,
			"ack":           m.ack,
			"renew":         m.renew,
			"fail":          m.fail,
			"release":       m.release,
			"retry":         m.retry,
			"discard":       m.discard,
			"time":          m.time,
			"foreign del":   m.foreignDelete,
			"foreign setex": m.foreignSet,
			"foreign ttl":   m.foreignExpire,
			"sweep":         m.sweep,
			"repair":        m.repair,
			"lose entries":  m.loseEntries,
			"expired":       m.expired,
		})
	})
}

// model is the expected state of Redis. Times are in milliseconds.
type model struct {
	schedule *Schedule
	queue    *queue
	client   rueidis.Client

	clock   int64 // microseconds
	keys    map[string]*modelKey
	due     map[string]int64
	payload map[string]string // of triggers that have not fired
	firings map[string]*modelFiring
	tokens  []token // of all claims
	seen    map[string]int64

	turn    map[string]string   // the firing that has the turn, by key
	waiters map[string][]string // the dead letters that wait to be redelivered, by key
}

// modelKey is the key of a trigger.
type modelKey struct {
	expires int64 // -1 for never
	due     int64 // 0 if the value has no due time
	exp     int64
	first   int64
}

type modelFiring struct {
	attempts, failures, expired int
	state                       string
	awaited                     bool // others wait until it ends
	lastError                   string
	at                          int64
	payload                     *string
}

var modelIDs = []string{"1", "2", "*", "a:b|%"}

func newModel(t *rapid.T, p *pool.Pools, client rueidis.Client) *model {
	ctx := context.Background()
	const action = "act"
	s, err := NewSchedule(p, pool.Expiry, p.Layout().Trigger, "acme")
	require.NoError(t, err)
	s.lua = compile(testClock)
	q := newQueue(client, s.names, "", action)
	q.lua = s.lua
	m := &model{
		schedule: s, queue: q, client: client,
		clock: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() + rapid.Int64Range(0, 999).Draw(t, "microseconds"),
		keys:  map[string]*modelKey{}, due: map[string]int64{}, payload: map[string]string{}, firings: map[string]*modelFiring{},
		seen: map[string]int64{}, turn: map[string]string{}, waiters: map[string][]string{},
	}
	require.NoError(t, client.Do(ctx, client.B().Flushdb().Build()).Error())
	m.setClock(t)
	return m
}

func (m *model) setClock(t *rapid.T) {
	set := m.client.B().Set().Key("clock").Value(strconv.FormatInt(m.clock, 10)).Build()
	require.NoError(t, m.client.Do(context.Background(), set).Error())
}

func (m *model) now() int64          { return m.clock / 1000 }
func (m *model) nowRoundedUp() int64 { return (m.clock + 999) / 1000 }

func (m *model) id(t *rapid.T) (id, k string) {
	id = rapid.SampledFrom(modelIDs).Draw(t, "id")
	k, err := m.schedule.names.key(triggerKey{"acme", "", m.queue.action, id})
	require.NoError(t, err)
	return id, k
}

func drawDelay(t *rapid.T, name string) int64 {
	return rapid.OneOf(rapid.Int64Range(1, 5), rapid.Int64Range(1, 5000), rapid.Int64Range(1, 3*graceMS)).Draw(t, name)
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// overdue reports whether a trigger waits although its key has expired after
// its grace.
func (m *model) overdue(k string, now int64) bool {
	due, scheduled := m.due[k]
	return m.keys[k] == nil && scheduled && now >= due+graceMS
}

func (m *model) set(t *rapid.T) {
	id, k := m.id(t)
	delay := drawDelay(t, "delay")
	condition := rapid.SampledFrom([]string{"", "", "", "exists", "absent"}).Draw(t, "condition")
	s := m.schedule
	switch condition {
	case "exists":
		s = s.With(IfExists())
	case "absent":
		s = s.With(IfAbsent())
	}
	s.lua = m.schedule.lua
	there := m.keys[k] != nil || m.overdue(k, m.nowRoundedUp())
	var err error
	text := ""
	if rapid.Bool().Draw(t, "payload") {
		text = rapid.SampledFrom([]string{"", "x", "a;due=1;exp=2", "\n"}).Draw(t, "text")
		err = s.SetPayload(context.Background(), m.queue.action, id, text, milliseconds(delay))
		text = "7:compact" + text
	} else {
		err = s.Set(context.Background(), m.queue.action, id, milliseconds(delay))
	}
	switch {
	case condition == "exists" && !there:
		require.ErrorIs(t, err, fault.ErrNotFound)
		return
	case condition == "absent" && there:
		require.ErrorIs(t, err, fault.ErrExists)
		return
	}
	require.NoError(t, err)
	m.write(k, m.nowRoundedUp()+delay, m.nowRoundedUp(), 0)
	delete(m.payload, k)
	if text != "" {
		m.payload[k] = text
	}
}

func (m *model) write(k string, due, now, first int64) {
	exp := max(due, now) + graceMS
	m.keys[k] = &modelKey{expires: exp, due: due, exp: exp, first: first}
	m.due[k] = due
}

func (m *model) debounce(t *rapid.T) {
	id, k := m.id(t)
	quiet, limit := drawDelay(t, "quiet"), drawDelay(t, "limit")
	quiet, limit = min(quiet, limit), max(quiet, limit)
	require.NoError(t, m.schedule.Debounce(context.Background(), m.queue.action, id, milliseconds(quiet), milliseconds(limit)))
	now := m.nowRoundedUp()
	due, first := now+quiet, now
	switch held := m.keys[k]; {
	case m.overdue(k, now):
		due = m.due[k]
	case held == nil:
		delete(m.payload, k)
	case held.first != 0:
		first = held.first
	}
	if !m.overdue(k, now) {
		due = min(due, first+limit)
	}
	m.write(k, due, now, first)
}

func (m *model) delete(t *rapid.T) {
	id, k := m.id(t)
	there := m.keys[k] != nil || m.overdue(k, m.now())
	deleted, err := m.schedule.Delete(context.Background(), m.queue.action, id)
	require.NoError(t, err)
	require.Equal(t, there, deleted)
	m.forget(k)
	delete(m.keys, k)
}

func (m *model) dueTime(t *rapid.T) {
	id, k := m.id(t)
	at, err := m.schedule.Due(context.Background(), m.queue.action, id)
	switch held := m.keys[k]; {
	case held != nil && held.exp != 0 && held.exp == held.expires:
		require.Equal(t, held.due, at.UnixMilli())
	case held != nil && held.expires > 0:
		require.Equal(t, held.expires, at.UnixMilli())
	case held == nil && m.overdue(k, m.now()):
		require.Equal(t, m.due[k], at.UnixMilli())
	default:
		require.ErrorIs(t, err, fault.ErrNotFound)
		return
	}
	require.NoError(t, err)
}

func (m *model) forget(k string) {
	delete(m.due, k)
	delete(m.payload, k)
}

// ready returns the members that are due, by score and name, as a sorted set
// does.
func ready(scores map[string]int64, now int64) []string {
	all := slices.SortedFunc(maps.Keys(scores), func(a, b string) int {
		return cmp.Or(cmp.Compare(scores[a], scores[b]), strings.Compare(a, b))
	})
	return slices.DeleteFunc(all, func(k string) bool { return scores[k] > now })
}

const (
	leaseMS    = 2000
	maxExpired = 2
)

func (m *model) claim(t *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(t, "n")
	got, err := m.queue.claim(context.Background(), n, milliseconds(leaseMS), maxExpired)
	require.NoError(t, err)
	var want, buried []string
	late := map[string]int64{}
	for member, a := range m.firings {
		if a.state != "2" {
			late[member] = a.at
		}
	}
	for _, member := range ready(late, m.now()) {
		if len(want) == n {
			break
		}
		a := m.firings[member]
		if a.state == "0" {
			a.expired++
		}
		if a.expired == maxExpired {
			a.lastError = "its lease expired 2 times"
			m.die(member, m.now())
			buried = append(buried, member, a.status())
			continue
		}
		a.attempts++
		a.state, a.at = "0", m.now()+leaseMS
		want = append(want, member)
	}
	for due := ready(m.due, m.now()); len(due) > 0 && len(want) < n; due = ready(m.due, m.now()) {
		m.fire(due[0], &want)
	}
	var told []string
	for _, f := range got.died {
		told = append(told, f.member, f.status)
	}
	require.Equal(t, buried, told)
	members := make([]string, 0, len(got.firings))
	for _, f := range got.firings {
		members = append(members, f.member)
		a := m.firings[f.member]
		if a == nil {
			t.Fatalf("claimed %q, which is not in the model", f.member)
		}
		// A trigger that waits may set the flag after the firing was delivered.
		require.Equal(t, strings.Replace(a.status(), "+", "", 1), strings.Replace(f.status, "+", "", 1))
		require.Equal(t, a.payload, f.payload)
		m.tokens = append(m.tokens, token{f.member, a.attempts})
	}
	require.ElementsMatch(t, want, members)
}

// fire does what a claim does with one due entry, and appends the firing to
// want. If the entry is cancelled or moved, or waits for its turn, another one
// takes its place.
func (m *model) fire(k string, want *[]string) {
	held, due, now := m.keys[k], m.due[k], m.now()
	switch {
	case held == nil && now < due+graceMS:
		m.forget(k)
		return
	case held == nil:
		m.seen[k] = now
		if m.wait(k, due, 0) {
			return
		}
	case held.due <= due && held.exp != 0 && held.exp == held.expires:
		due = held.due
		if m.wait(k, due, held.first) {
			return
		}
		delete(m.keys, k)
	case held.expires > 0:
		m.write(k, held.expires, now, held.first)
		return
	default:
		m.forget(k)
		return
	}
	member := fmt.Sprintf("%d|%s", due, k)
	for ; m.firings[member] != nil; member = fmt.Sprintf("%d|%s", due, k) {
		due-- // another firing is due in the same millisecond
	}
	a := &modelFiring{attempts: 1, state: "0", at: now + leaseMS}
	if text, ok := m.payload[k]; ok {
		a.payload = &text
	}
	m.forget(k)
	m.firings[member] = a
	m.turn[k] = member
	*want = append(*want, member)
}

// wait lets a trigger wait if another firing has the turn.
func (m *model) wait(k string, due, first int64) bool {
	holder := m.firings[m.turn[k]]
	if holder == nil {
		return false
	}
	holder.awaited = true
	m.due[k] = max(holder.at, m.now()+1)
	exp := m.due[k] + graceMS
	m.keys[k] = &modelKey{expires: exp, due: due, exp: exp, first: first}
	return true
}

// die makes a dead letter of a firing.
func (m *model) die(member string, now int64) {
	a := m.firings[member]
	a.state, a.at = "2", now
	m.endTurn(member, now)
}

// endTurn ends the turn of a firing that is done or dead.
func (m *model) endTurn(member string, now int64) {
	a, k := m.firings[member], keyOf(member)
	delete(m.turn, k)
	awaited := a.awaited
	a.awaited = false
	if !awaited {
		return
	}
	if waiters := m.waiters[k]; len(waiters) > 0 {
		next := m.firings[waiters[0]]
		next.failures, next.expired, next.state, next.awaited, next.at = 0, 0, "1", true, now
		m.turn[k] = waiters[0]
		m.setWaiters(k, waiters[1:])
		return
	}
	score, scheduled := m.due[k]
	if !scheduled {
		return
	}
	due := now
	if held := m.keys[k]; held != nil && held.due != 0 {
		due = held.due
	}
	m.due[k] = min(score, due)
}

func (m *model) setWaiters(k string, waiters []string) {
	if m.waiters[k] = waiters; len(waiters) == 0 {
		delete(m.waiters, k)
	}
}

func keyOf(member string) string {
	_, k, _ := strings.Cut(member, "|")
	return k
}

func dueOf(member string) string {
	due, _, _ := strings.Cut(member, "|")
	return due
}

func (a *modelFiring) status() string {
	flag := ""
	if a.awaited {
		flag = "+"
	}
	return fmt.Sprintf("%d %d %d %s%s %s", a.attempts, a.failures, a.expired, a.state, flag, a.lastError)
}

// token returns a token of an earlier claim. The claim may have been lost
// since.
func (m *model) token(t *rapid.T) (token, *modelFiring) {
	if len(m.tokens) == 0 {
		t.Skip("nothing was claimed")
	}
	tok := rapid.SampledFrom(m.tokens).Draw(t, "token")
	a := m.firings[tok.member]
	if a == nil || a.attempts != tok.attempt {
		return tok, nil
	}
	return tok, a
}

func (m *model) ack(t *rapid.T) {
	tok, a := m.token(t)
	lost, err := m.queue.ack(context.Background(), []token{tok})
	require.NoError(t, err)
	if a == nil || a.state != "0" {
		require.Equal(t, []int{0}, lost)
		return
	}
	require.Empty(t, lost)
	m.endTurn(tok.member, m.now())
	delete(m.firings, tok.member)
}

func (m *model) renew(t *rapid.T) {
	tok, a := m.token(t)
	lease := drawDelay(t, "lease")
	lost, err := m.queue.renew(context.Background(), []token{tok}, milliseconds(lease))
	require.NoError(t, err)
	if a == nil || a.state != "0" {
		require.Equal(t, []int{0}, lost)
		return
	}
	require.Empty(t, lost)
	a.at = m.now() + lease
}

func (m *model) fail(t *rapid.T) {
	tok, a := m.token(t)
	delay := drawDelay(t, "delay")
	got, err := m.queue.fail(context.Background(), tok, milliseconds(delay), 3, "why not")
	require.NoError(t, err)
	switch {
	case a == nil:
		require.Equal(t, putBackLost, got)
	case a.state != "0":
		require.Equal(t, a.state, strconv.Itoa(int(got)))
	default:
		a.failures++
		a.lastError, a.state, a.at = "why not", "1", m.nowRoundedUp()+delay
		if a.failures == 3 {
			m.die(tok.member, m.nowRoundedUp())
		}
		require.Equal(t, a.state, strconv.Itoa(int(got)))
	}
}

func (m *model) release(t *rapid.T) {
	tok, a := m.token(t)
	got, err := m.queue.release(context.Background(), tok)
	require.NoError(t, err)
	switch {
	case a == nil:
		require.Equal(t, putBackLost, got)
	case a.state == "0":
		a.state, a.at = "1", m.nowRoundedUp()
		require.Equal(t, putBackWaiting, got)
	}
}

func (m *model) retry(t *rapid.T) {
	tok, _ := m.token(t)
	result, err := m.queue.retry(context.Background(), tok.member)
	require.NoError(t, err)
	a, k := m.firings[tok.member], keyOf(tok.member)
	switch holder := m.firings[m.turn[k]]; {
	case a == nil || a.state != "2":
		require.Equal(t, deadLetterMissing, result)
	case holder != nil:
		require.Equal(t, deadLetterWaits, result)
		holder.awaited = true
		if !slices.Contains(m.waiters[k], tok.member) {
			m.waiters[k] = append(m.waiters[k], tok.member)
		}
	default:
		require.Equal(t, deadLetterGone, result)
		a.failures, a.expired, a.state, a.at = 0, 0, "1", m.now()
		m.turn[k] = tok.member
	}
}

func (m *model) discard(t *rapid.T) {
	tok, _ := m.token(t)
	result, err := m.queue.discard(context.Background(), tok.member)
	require.NoError(t, err)
	a, k := m.firings[tok.member], keyOf(tok.member)
	if a == nil || a.state != "2" {
		require.Equal(t, deadLetterMissing, result)
		return
	}
	require.Equal(t, deadLetterGone, result)
	delete(m.firings, tok.member)
	m.setWaiters(k, slices.DeleteFunc(m.waiters[k], func(other string) bool { return other == tok.member }))
}

// compare compares Redis with the model.
func (m *model) compare(t *rapid.T) {
	due := m.scores(t, m.queue.due)
	require.Equal(t, m.due, due, "due")
	active, dead := map[string]int64{}, map[string]int64{}
	statuses, payloads := map[string]string{}, map[string]string{}
	for member, a := range m.firings {
		statuses[member] = a.status()
		if a.payload != nil {
			payloads[member] = *a.payload
		}
		if a.state == "2" {
			dead[member] = a.at
		} else {
			active[member] = a.at
		}
	}
	for k, text := range m.payload {
		payloads["-|"+k] = text
	}
	for k, member := range m.turn {
		statuses["=|"+k] = dueOf(member)
	}
	for k, waiters := range m.waiters {
		var due []string
		for _, member := range waiters {
			due = append(due, dueOf(member))
		}
		statuses["+|"+k] = strings.Join(due, " ")
	}
	m.checkTurns(t)
	require.Equal(t, active, m.scores(t, m.queue.active), "active")
	require.Equal(t, dead, m.scores(t, m.queue.dead), "dead")
	require.Equal(t, statuses, m.hash(t, m.queue.status), "status")
	require.Equal(t, payloads, m.hash(t, m.queue.payloads), "payloads")
	for _, id := range modelIDs {
		k, err := m.schedule.names.key(triggerKey{"acme", "", m.queue.action, id})
		require.NoError(t, err)
		want := int64(-2)
		if held := m.keys[k]; held != nil {
			want = held.expires
		}
		ends, err := m.client.Do(context.Background(), m.client.B().Pexpiretime().Key(k).Build()).AsInt64()
		require.NoError(t, err)
		require.Equal(t, want, ends, k)
	}
}

// checkTurns checks what the model, and so Redis, says about firings of one
// trigger: at most one of them is active, and nothing waits without it.
func (m *model) checkTurns(t *rapid.T) {
	active := map[string]string{}
	for member, a := range m.firings {
		if a.state == "2" {
			continue
		}
		k := keyOf(member)
		require.Empty(t, active[k], "%s and another firing are active", member)
		active[k] = member
	}
	require.Equal(t, active, m.turn)
	for k := range m.waiters {
		require.NotEmpty(t, m.turn[k], "dead letters of %s wait for nothing", k)
	}
	for k, score := range m.due {
		if held := m.keys[k]; held != nil && held.exp == held.expires && held.due < score {
			require.NotEmpty(t, m.turn[k], "the trigger %s waits for nothing", k)
		}
	}
}

func (m *model) scores(t *rapid.T, set string) map[string]int64 {
	all, err := m.client.Do(context.Background(), m.client.B().Zrange().Key(set).Min("0").Max("-1").Withscores().Build()).AsZScores()
	require.NoError(t, err)
	scores := map[string]int64{}
	for _, z := range all {
		scores[z.Member] = int64(z.Score)
	}
	return scores
}

func (m *model) hash(t *rapid.T, k string) map[string]string {
	all, err := m.client.Do(context.Background(), m.client.B().Hgetall().Key(k).Build()).AsStrMap()
	if !errors.Is(err, nil) {
		require.NoError(t, err)
	}
	return all
}
