package systemtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Whatever workers do with their claims, and however late, a serial queue hands
// out one claim at a time, which begins with the first message that is not
// settled.
func TestSerialQueueAgainstAModel(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			maxAttempts := rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(rt, "attempts")
			var opts []symphony.Option
			if maxAttempts > 0 {
				opts = append(opts, symphony.MaxAttempts(maxAttempts))
			}
			plain, err := symphony.NewBatch[int](p, pooltest.UniqueTenant(), opts...)
			require.NoError(rt, err)
			m := &serialModel{plain: plain, serial: plain.With(symphony.Serial()), maxAttempts: maxAttempts, dead: map[int]bool{}}
			rt.Repeat(map[string]func(*rapid.T){
				"enqueue": m.enqueue, "claim": m.claim, "claim again": m.claim, "next": m.next, "ack": m.ack, "release": m.release,
				"return": m.returnItems, "retry after": m.retryAfter, "undone": m.undone, "extend": m.extend, "expire": m.expire,
			})
			m.drain(rt)
		})
	})
}

// serialModel is a serial queue in memory.
type serialModel struct {
	plain, serial *symphony.Batch[int] // without and with the option Serial
	maxAttempts   int

	numbers int
	left    []*message // not settled, in the order in which they were enqueued
	claims  []*messageClaim
	dead    map[int]bool
	held    bool // whether RetryAfter was used since the last claim
}

type message struct {
	number, attempt, returned int
	id                        string
	expired                   bool // its last claim was lost
}

// isSpent reports whether the message has no attempt left.
func (m *serialModel) isSpent(msg *message) bool {
	return m.maxAttempts > 0 && msg.attempt-msg.returned >= m.maxAttempts
}

type messageClaim struct {
	*listrepo.Claim[int]
	left      []*message
	leaseOver bool // the lease has expired
	lost      bool // another claim took the items
}

func (m *serialModel) inFlight() *messageClaim {
	for _, c := range m.claims {
		if !c.leaseOver && !c.lost && len(c.left) > 0 {
			return c
		}
	}
	return nil
}

// drawView draws a batch with or without the option. The queue keeps to its
// mark, so both must behave alike.
func (m *serialModel) drawView(rt *rapid.T) *symphony.Batch[int] {
	return rapid.SampledFrom([]*symphony.Batch[int]{m.plain, m.serial}).Draw(rt, "view")
}

// enqueue marks the queue, unless it has a message that has done so.
func (m *serialModel) enqueue(rt *rapid.T) {
	batch := m.serial
	if len(m.left) > 0 {
		batch = m.drawView(rt)
	}
	var numbers []int
	for range rapid.IntRange(1, 6).Draw(rt, "n") {
		m.numbers++
		numbers = append(numbers, m.numbers)
		m.left = append(m.left, &message{number: m.numbers})
	}
	_, err := batch.Enqueue(ctx, queue, numbers...)
	require.NoError(rt, err)
}

func (m *serialModel) claim(rt *rapid.T) {
	n := rapid.SampledFrom([]int{1, 3, 100}).Draw(rt, "n")
	m.requireClaim(rt, m.drawView(rt), n, nil)
}

// requireClaim claims and asserts that the claim may be made. If last is not
// nil, it is the claim that Next ends.
func (m *serialModel) requireClaim(rt *rapid.T, batch *symphony.Batch[int], n int, last *messageClaim) {
	var c *listrepo.Claim[int]
	var err error
	for end := time.Now().Add(10 * time.Second); ; {
		if last != nil {
			lost := last.lost && len(last.left) > 0
			c, err = last.Next(ctx, n, time.Hour)
			require.Equal(rt, lost, errors.Is(err, symphony.ErrLeaseLost), "%v", err)
			if !lost {
				m.settle(last, last.left)
			}
			if lost && !errors.Is(err, symphony.ErrBusy) {
				err = nil
			}
		} else {
			c, err = batch.Claim(ctx, queue, n, time.Hour)
		}
		if m.inFlight() != nil {
			require.ErrorIs(rt, err, symphony.ErrBusy)
			require.Nil(rt, c)
			return
		}
		require.NoError(rt, err)
		waits := m.held && slices.ContainsFunc(m.left, func(msg *message) bool { return !m.isSpent(msg) })
		if len(c.Items) > 0 || !waits || time.Now().After(end) {
			break
		}
		last = nil
	}
	m.held = false
	for _, other := range m.claims {
		if other.leaseOver && !other.lost {
			other.lost = true
			for _, msg := range other.left {
				msg.expired = true
			}
		}
	}
	require.LessOrEqual(rt, len(c.Items), n)
	taken := &messageClaim{Claim: c}
	for i := 0; len(taken.left) < len(c.Items) || len(c.Items) == 0; {
		if i == len(m.left) {
			break
		}
		msg := m.left[i]
		if msg.expired && m.isSpent(msg) {
			m.dead[msg.number] = true
			m.left = slices.Delete(m.left, i, i+1)
			continue
		}
		require.NotEmpty(rt, c.Items, "message %d is not settled, and no claim is in flight", msg.number)
		item := c.Items[len(taken.left)]
		require.Equal(rt, msg.number, item.Value, "the claim passed over a message")
		require.Greater(rt, item.Attempt, msg.attempt)
		if msg.id != "" {
			require.Equal(rt, msg.id, item.ID)
		}
		msg.id, msg.attempt, msg.expired = item.ID, item.Attempt, false
		taken.left = append(taken.left, msg)
		i++
	}
	require.Len(rt, c.Items, len(taken.left))
	if len(taken.left) > 0 {
		m.claims = append(m.claims, taken)
	}
}

func (m *serialModel) next(rt *rapid.T) {
	if len(m.claims) == 0 {
		rt.Skip("no claims")
	}
	n := rapid.SampledFrom([]int{1, 3, 100}).Draw(rt, "n")
	m.requireClaim(rt, m.plain, n, rapid.SampledFrom(m.claims).Draw(rt, "claim"))
}

// drawItems draws a claim and some of its messages. Half the time it draws all
// of them, and returns no items to name.
func (m *serialModel) drawItems(rt *rapid.T) (*messageClaim, []*message, []listrepo.Item[int]) {
	if len(m.claims) == 0 {
		rt.Skip("no claims")
	}
	c := rapid.SampledFrom(m.claims).Draw(rt, "claim")
	if len(c.left) == 0 || rapid.Bool().Draw(rt, "all") {
		return c, slices.Clone(c.left), nil
	}
	chosen := rapid.Permutation(c.left).Draw(rt, "order")[:rapid.IntRange(1, len(c.left)).Draw(rt, "some")]
	var items []listrepo.Item[int]
	for _, msg := range chosen {
		items = append(items, listrepo.Item[int]{ID: msg.id})
	}
	return c, chosen, items
}

// requireSettled asserts that a call on a claim returned the right error. It
// reports whether the call settled the messages.
func (m *serialModel) requireSettled(rt *rapid.T, c *messageClaim, chosen []*message, err error) bool {
	if c.lost && len(c.left) > 0 {
		require.ErrorIs(rt, err, symphony.ErrLeaseLost)
		return false
	}
	require.NoError(rt, err)
	c.left = without(c.left, chosen)
	return true
}

// settle removes messages for good.
func (m *serialModel) settle(c *messageClaim, chosen []*message) {
	m.left = without(m.left, chosen)
	c.left = without(c.left, chosen)
}

func without(all, some []*message) []*message {
	return slices.DeleteFunc(slices.Clone(all), func(msg *message) bool { return slices.Contains(some, msg) })
}

func (m *serialModel) ack(rt *rapid.T) {
	c, chosen, items := m.drawItems(rt)
	if m.requireSettled(rt, c, chosen, c.Ack(ctx, items...)) {
		m.settle(c, chosen)
	}
}

func (m *serialModel) release(rt *rapid.T) {
	c, chosen, items := m.drawItems(rt)
	if m.requireSettled(rt, c, chosen, c.Release(ctx, items...)) {
		m.burySpent(chosen)
	}
}

func (m *serialModel) burySpent(chosen []*message) {
	for _, msg := range chosen {
		if m.isSpent(msg) {
			m.dead[msg.number] = true
			m.left = without(m.left, []*message{msg})
		}
	}
}

func (m *serialModel) returnItems(rt *rapid.T) {
	c, chosen, items := m.drawItems(rt)
	if m.requireSettled(rt, c, chosen, c.Return(ctx, items...)) {
		for _, msg := range chosen {
			msg.returned++
		}
	}
}

func (m *serialModel) retryAfter(rt *rapid.T) {
	c, chosen, items := m.drawItems(rt)
	if m.requireSettled(rt, c, chosen, c.Fail(ctx, expiry.RetryAfter(2*time.Millisecond, errHandlerFailed), items...)) {
		m.held = m.held || len(chosen) > 0
		m.burySpent(chosen)
	}
}

// undone puts some messages back and acks the others, in two steps, as Process
// does.
func (m *serialModel) undone(rt *rapid.T) {
	m.release(rt)
	m.ack(rt)
}

func (m *serialModel) extend(rt *rapid.T) {
	c, _, _ := m.drawItems(rt)
	if err := c.Extend(ctx, time.Hour); c.lost || len(c.left) == 0 {
		require.ErrorIs(rt, err, symphony.ErrLeaseLost)
	} else {
		require.NoError(rt, err)
		c.leaseOver = false
	}
}

func (m *serialModel) expire(rt *rapid.T) {
	c, _, _ := m.drawItems(rt)
	if c.lost || len(c.left) == 0 {
		return
	}
	require.NoError(rt, c.Extend(ctx, time.Millisecond))
	c.leaseOver = true
	if m.inFlight() != nil {
		rt.Fatal("two claims were in flight")
	}
	require.Eventually(rt, func() bool {
		b, err := m.plain.Backlog(ctx, queue)
		return err == nil && b.Claimed == 0
	}, 10*time.Second, time.Millisecond)
}

func (m *serialModel) check(rt *rapid.T) {
	b, err := m.plain.Backlog(ctx, queue)
	require.NoError(rt, err)
	claimed := 0
	if c := m.inFlight(); c != nil {
		claimed = len(c.left)
	}
	require.EqualValues(rt, claimed, b.Claimed)
	require.EqualValues(rt, len(m.left)-claimed, b.Waiting)
}

// drain takes all messages that are left.
func (m *serialModel) drain(rt *rapid.T) {
	for len(m.left) > 0 {
		if c := m.inFlight(); c != nil {
			require.NoError(rt, c.Return(ctx))
			for _, msg := range c.left {
				msg.returned++
			}
			c.left = nil
		}
		m.requireClaim(rt, m.plain, 100, nil)
		if c := m.inFlight(); c != nil {
			require.NoError(rt, c.Ack(ctx))
			m.settle(c, c.left)
		}
	}
	m.check(rt)
	for d, err := range m.plain.Dead(ctx, queue) {
		require.NoError(rt, err)
		require.True(rt, m.dead[d.Value], "message %d is a dead letter", d.Value)
		delete(m.dead, d.Value)
	}
	require.Empty(rt, m.dead, "messages that are no dead letters")
}
