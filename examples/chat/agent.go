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
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/scope"
)

// answerInbox runs when a user has stopped typing. A message leaves the inbox
// when it is answered, so if this process dies, another one answers it.
func (s *service) answerInbox(ctx context.Context, e expiry.Event) error {
	ctx, err := scope.Bind(ctx, scope.Identity{Tenant: e.Tenant, User: e.ID}, s.bind...)
	if err != nil {
		return err
	}
	at, _ := shops.From(ctx)
	for n := 1; n > 0 && err == nil; {
		n, err = at.messages.Process(ctx, at.inbox, chunk, answer)
	}
	return err
}

// answer answers messages that were sent shortly after one another. If it fails
// or its process dies, the messages are delivered again, possibly in one chunk
// with later ones. So it checks the id of each message for whether it was
// answered.
func answer(ctx context.Context, items []listrepo.Item[Message]) error {
	at, _ := shops.From(ctx)
	before, err := at.conversations.Get(ctx, at.id.User)
	if err != nil && !errors.Is(err, symphony.ErrNotFound) {
		return err
	}
	var turn Turn
	var ids []string
	for _, m := range items {
		if !slices.Contains(before.Answered, m.ID) {
			turn.Lines = append(turn.Lines, Line{m.ID, m.Value.Text})
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := at.turn.Replace(ctx, turnState, turn); err != nil {
		return err
	}
	if err := together(ctx, findItem, findDiscount); err != nil {
		return err
	}
	reply, err := placeOrder(ctx)
	if err != nil {
		return err
	}
	after, err := at.conversations.Merge(ctx, at.id.User, turns.Add(1), said.Set(reply), answered.Append(ids...))
	if err == nil && len(after.Answered) > 2*remembered {
		_, err = at.conversations.Mutate(ctx, at.id.User, (*Conversation).forget)
	}
	return err
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

// findItem searches the message for an item that the tenant sells.
func findItem(ctx context.Context) error {
	at, _ := shops.From(ctx)
	turn, err := at.turn.Get(ctx, turnState)
	for _, line := range turn.Lines {
		for word := range strings.FieldsSeq(strings.ToLower(line.Text)) {
			word = strings.Trim(word, ".,;:!?")
			if p, sold := at.settings.Prices[word]; sold {
				return at.turn.Update(ctx, turnState, item.Set(word), price.Set(p), message.Set(line.Message))
			}
		}
	}
	return err
}

// findDiscount reads the shared state by the names of its fields.
func findDiscount(ctx context.Context) error {
	at, _ := shops.From(ctx)
	user, err := at.users.Get(ctx, at.id.User)
	if err != nil || user.Messages < 3 {
		return err
	}
	scratch, _ := symphony.SharedStateFrom(ctx)
	return scratch.UpdateField(ctx, turnState, "discount", 0.1)
}

// placeOrder orders what the other tools found. The id of the order is that of
// the message that names the item, so one message orders once, whatever
// messages are delivered with it.
func placeOrder(ctx context.Context) (string, error) {
	at, _ := shops.From(ctx)
	turn, err := at.turn.Get(ctx, turnState)
	if err != nil || turn.Item == "" {
		return "I hear you. We have cups, lamps and chairs.", err
	}
	order := Order{at.id.User, turn.Item, turn.Price * (1 - turn.Discount), "placed", time.Now()}
	err = at.orders.With(symphony.IfAbsent()).Upsert(ctx, turn.Message, order)
	if err != nil && !errors.Is(err, symphony.ErrExists) {
		return "", err
	}
	_, err = at.shipping.Enqueue(ctx, toShip, turn.Message)
	return fmt.Sprintf("Ordered: a %s for %.2f.", order.Item, order.Price), err
}

// ship ships the orders of all tenants in the order in which they arrive.
func (s *service) ship(ctx context.Context) error {
	pack := func(ctx context.Context, tenant string, _ symphony.Queue, ids []listrepo.Item[string]) error {
		orders, err := symphony.NewTable[Order](s.pools, tenant, "orders", symphony.NoTTL(), symphony.IfExists())
		for i := 0; i < len(ids) && err == nil; i++ {
			err = orders.UpdateField(ctx, ids[i].Value, "status", "shipped")
		}
		return err
	}
	return symphony.WorkBatches(ctx, s.pools, toShip.Service, pack, symphony.WorkConfig{MaxAttempts: 5})
}
