package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/scope"
)

// agentConfig configures the agent of one process.
type agentConfig struct {
	// Think stands for the call of a language model: it takes time, may fail,
	// and ends with its context.
	Think func(context.Context) error

	// Token is the time between two words of an answer, which a model streams.
	Token time.Duration

	// Lease is how long the messages and the orders of a process that died wait
	// for another one.
	Lease time.Duration
}

// thinkFor returns a model that needs d.
func thinkFor(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// answerInboxes answers the inboxes of all tenants. An inbox is serial, so the
// turns of one user never overlap, in any number of processes. A message leaves
// the inbox when it is answered, so if this process dies, another one answers
// it.
func (s *service) answerInboxes(ctx context.Context) error {
	handle := func(ctx context.Context, _ string, _ symphony.Queue, items []listrepo.Item[Message]) error {
		return s.answer(ctx, items)
	}
	return symphony.WorkBatches(ctx, s.pools, inboxService, handle, symphony.WorkConfig{
		ChunkSize: chunk,
		Lease:     s.agent.Lease,
		Use:       []func(func(context.Context) error) func(context.Context) error{s.metrics.work, s.counted, s.bound},
	})
}

// counted is a middleware that counts the turns that have begun.
func (s *service) counted(next func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		s.running.Add(1)
		defer s.running.Add(-1)
		return next(ctx)
	}
}

// bound is a middleware that binds the shop of an inbox's user, as that of the
// requests does.
func (s *service) bound(next func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		work, _ := symphony.WorkFrom(ctx)
		ctx, err := scope.Bind(ctx, scope.Identity{Tenant: work.Tenant, User: work.Queue.Entity}, s.bind...)
		if err != nil {
			return err
		}
		return next(ctx)
	}
}

// turnName is the name of the tools' shared state.
var turnName = scope.NewKey[string]("turn")

// answer answers messages that were sent shortly after one another. If it fails
// or its process dies, the messages are delivered again, possibly in one chunk
// with later ones. So it checks the id of each message for whether it was
// answered.
//
// The answer and the ids of its messages are stored in one step. The version of
// the conversation makes that step fail if another attempt has begun, because
// this process slept through its lease.
func (s *service) answer(ctx context.Context, items []listrepo.Item[Message]) error {
	at, _ := shops.From(ctx)
	before, err := at.conversations.Get(ctx, at.id.User)
	if err != nil && !errors.Is(err, symphony.ErrNotFound) {
		return err
	}
	items = slices.DeleteFunc(slices.Clone(items), func(m listrepo.Item[Message]) bool {
		return slices.Contains(before.Answered, m.ID)
	})
	if len(items) == 0 {
		return nil
	}
	// Each attempt has a scratch of its own: an old one that still runs cannot
	// write to it.
	name := fmt.Sprintf("turn-%s-%d", items[0].ID, items[0].Attempt)
	begun, err := at.conversations.With(symphony.IfVersion(before.Version)).Merge(ctx, at.id.User, scratch.Set(name))
	if err != nil {
		return err
	}
	reply, err := s.takeTurn(turnName.With(ctx, name), items)
	if err != nil {
		return err
	}
	if err := s.stream(ctx, at, name, reply); err != nil {
		return err
	}
	_, err = at.conversations.With(symphony.IfVersion(begun.Version)).Merge(ctx, at.id.User,
		turns.Add(1), said.Set(reply), answered.Set(begun.answeredWith(items)), history.Set(begun.logWith(items, reply)))
	return err
}

// takeTurn runs the tools and the model, and returns the reply.
func (s *service) takeTurn(ctx context.Context, items []listrepo.Item[Message]) (string, error) {
	at, _ := shops.From(ctx)
	name, _ := turnName.From(ctx)
	var turn Turn
	for _, m := range items {
		turn.Lines = append(turn.Lines, Line{m.ID, m.Value.Text})
	}
	if err := at.turns.Replace(ctx, name, turn); err != nil {
		return "", err
	}
	if err := together(ctx, findItems, findDiscount); err != nil {
		return "", err
	}
	if err := s.agent.Think(ctx); err != nil {
		return "", err
	}
	return placeOrders(ctx)
}

// stream appends a reply to the feed of its turn, word by word. A client that
// follows the feed reads along. Each attempt has a feed of its own, so a
// follower never gets words of two attempts.
func (s *service) stream(ctx context.Context, at *shop, turn, reply string) error {
	feed := at.answerOf(turn)
	for word := range strings.SplitAfterSeq(reply, " ") {
		_, err := at.answers.Append(ctx, feed, word)
		if errors.Is(err, symphony.ErrEnded) {
			return nil // it was said, and the step after that failed
		}
		if err != nil {
			return err
		}
		if err := thinkFor(s.agent.Token)(ctx); err != nil {
			return err
		}
	}
	return at.answers.End(ctx, feed)
}

// together runs tools at the same time. Their only input is the context.
func together(ctx context.Context, tools ...func(context.Context) error) error {
	errs := make([]error, len(tools))
	var wg sync.WaitGroup
	for i, tool := range tools {
		wg.Go(func() { errs[i] = tool(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// findItems searches each message for items that the tenant sells.
func findItems(ctx context.Context) error {
	at, _ := shops.From(ctx)
	name, _ := turnName.From(ctx)
	turn, err := at.turns.Get(ctx, name)
	if err != nil {
		return err
	}
	var found []Wish
	for _, line := range turn.Lines {
		wish := Wish{Message: line.Message}
		for word := range strings.FieldsSeq(strings.ToLower(line.Text)) {
			word = strings.Trim(word, ".,;:!?")
			if price, sold := at.settings.Prices[word]; sold {
				wish.Items, wish.Price = append(wish.Items, word), wish.Price+price
			}
		}
		if len(wish.Items) > 0 {
			found = append(found, wish)
		}
	}
	return at.turns.Update(ctx, name, wishes.Set(found))
}

// findDiscount writes to the shared state by the name of a field.
func findDiscount(ctx context.Context) error {
	at, _ := shops.From(ctx)
	name, _ := turnName.From(ctx)
	user, err := at.users.Get(ctx, at.id.User)
	if err != nil || user.Messages < 3 {
		return err
	}
	state, _ := symphony.SharedStateFrom(ctx)
	return state.UpdateField(ctx, name, "discount", 0.1)
}

// placeOrders orders what the other tools found, in the order of the messages,
// and returns the reply.
func placeOrders(ctx context.Context) (string, error) {
	at, _ := shops.From(ctx)
	name, _ := turnName.From(ctx)
	turn, err := at.turns.Get(ctx, name)
	if err != nil || len(turn.Wishes) == 0 {
		return "I hear you. We have cups, lamps and chairs.", err
	}
	var ordered []string
	for _, wish := range turn.Wishes {
		order := Order{at.id.User, wish.Items, wish.Price * (1 - turn.Discount), "placed", time.Now()}
		if order, err = at.placeOnce(ctx, wish.Message, order); err != nil {
			return "", err
		}
		ordered = append(ordered, fmt.Sprintf("a %s for %.2f", strings.Join(order.Items, " and a "), order.Price))
	}
	return "Ordered: " + strings.Join(ordered, ", ") + ".", nil
}

// placeOnce places and ships the order of a message, and returns it as it was
// placed first. The id of the order is that of the message, so one message
// orders once, whatever messages are delivered with it.
func (at *shop) placeOnce(ctx context.Context, message string, order Order) (Order, error) {
	err := at.orders.With(symphony.IfAbsent()).Upsert(ctx, message, order)
	if errors.Is(err, symphony.ErrExists) {
		order, err = at.orders.Get(ctx, message)
	}
	if err != nil {
		return Order{}, err
	}
	_, err = at.shipping.Enqueue(ctx, toShip, message)
	return order, err
}

// ship ships the orders of all tenants. It may ship an order twice, which
// changes nothing.
func (s *service) ship(ctx context.Context) error {
	pack := func(ctx context.Context, tenant string, _ symphony.Queue, ids []listrepo.Item[string]) error {
		orders, err := s.ordersOf(tenant)
		for i := 0; i < len(ids) && err == nil; i++ {
			err = orders.With(symphony.IfExists()).UpdateField(ctx, ids[i].Value, "status", "shipped")
		}
		return err
	}
	return symphony.WorkBatches(ctx, s.pools, toShip.Service, pack, symphony.WorkConfig{
		MaxAttempts: 5,
		Lease:       s.agent.Lease,
		Use:         []func(func(context.Context) error) func(context.Context) error{s.metrics.work},
	})
}
