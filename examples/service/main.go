// Service is a help desk for many tenants, in one file. Its test moves a clock.
// With REDIS_URL=redis://localhost:6379 it runs on a live server.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Customer struct {
	Name  string `redis:"name"`
	Email string `redis:"email,unique"`
}

type Dialog struct {
	Ticket string `redis:"ticket"`
}

type Ticket struct {
	Customer string    `redis:"customer,index"`
	Text     string    `redis:"text"`
	Opened   time.Time `redis:"opened,index"`
}

type Usage struct {
	Messages int64 `redis:"messages"`
}

var (
	email    = hashrepo.FieldOf(func(c *Customer) *string { return &c.Email })
	latest   = hashrepo.FieldOf(func(d *Dialog) *string { return &d.Ticket })
	customer = hashrepo.FieldOf(func(t *Ticket) *string { return &t.Customer })
	opened   = hashrepo.FieldOf(func(t *Ticket) *time.Time { return &t.Opened })
	messages = hashrepo.NumberOf(func(u *Usage) *int64 { return &u.Messages })

	usageKeys  = keyspace.MustCompile("{tenant}:usage:{user}") // a repository of our own
	errTooMany = errors.New("too many messages; wait a minute")
)

// desk has the repositories of a tenant. Each is declared here and nowhere
// else, so that all code agrees on its options. It takes microseconds to make.
type desk struct {
	customers *symphony.User[Customer]
	dialogs   *symphony.StateHandler[Dialog]
	tickets   *symphony.Table[Ticket]
	inbox     *symphony.Batch[string]
	usage     *hashrepo.HashRepo[Usage]
}

func newDesk(pools *pool.Pools, tenant string) (*desk, error) {
	space, err := usageKeys.Bind(tenant)
	errs, d := [6]error{err}, desk{}
	d.customers, errs[1] = symphony.NewUser[Customer](pools, tenant, symphony.NoTTL(), symphony.Cached(time.Minute))
	d.dialogs, errs[2] = symphony.NewStateHandler[Dialog](pools, tenant, "desk") // records live for 24 hours
	d.tickets, errs[3] = symphony.NewTable[Ticket](pools, tenant, "tickets", symphony.NoTTL())
	d.inbox, errs[4] = symphony.NewBatch[string](pools, tenant, symphony.Serial(), symphony.Quiet(2*time.Second, 15*time.Second))
	d.usage, errs[5] = hashrepo.New[Usage](pools, pool.Default, space, symphony.TTL(time.Minute), symphony.KeepTTL())
	return &d, errors.Join(errs[:]...)
}

// create prepares a new tenant: its indexes are complete from now on.
func (d *desk) create(ctx context.Context) (err error) {
	for _, pass := range []iter.Seq2[hashrepo.Progress, error]{d.customers.Reindex(ctx), d.tickets.Reindex(ctx)} {
		for _, errPage := range pass {
			err = errors.Join(err, errPage)
		}
	}
	return err
}

// say stores a message. It is answered when the customer stops writing.
func (d *desk) say(ctx context.Context, user, text string) error {
	if n, err := messages.Increment(ctx, d.usage, user, 1); err != nil || n > 10 {
		return cmp.Or(err, errTooMany)
	}
	_, err := d.inbox.Enqueue(ctx, symphony.Queue{Service: "desk", Entity: user, Action: "answer"}, text)
	return err
}

// work opens a ticket for all messages that a customer wrote, until ctx ends.
// Any number of processes can do so. After a crash it runs again for the same
// messages, which then changes nothing.
func work(ctx context.Context, pools *pool.Pools) error {
	return symphony.WorkBatches(ctx, pools, "desk", func(ctx context.Context, tenant string, q symphony.Queue, items []listrepo.Item[string]) error {
		d, err := newDesk(pools, tenant)
		scratch, errScratch := symphony.NewSharedState(pools, tenant, q.Entity)
		if err := errors.Join(err, errScratch); err != nil {
			return err
		}
		id, ticket := items[0].ID, Ticket{Customer: q.Entity, Opened: time.Now()}
		for _, item := range items {
			ticket.Text += item.Value + "\n"
		}
		return errors.Join(
			scratch.Upsert(ctx, "answer", symphony.Fields{"ticket": id}), // for the tools of an agent
			d.tickets.Upsert(ctx, id, ticket),
			d.dialogs.Update(ctx, q.Entity, latest.Set(id)))
	}, symphony.WorkConfig{})
}

func main() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	open, cfg := embedded.Open, pool.Config{URL: os.Getenv("REDIS_URL"), Layout: keyspace.ClusterByTenant()}
	if cfg.URL != "" {
		open = pool.Open // a server, or a cluster
	}
	pools := must(open(ctx, cfg))
	defer pools.Close()
	ended := make(chan error)
	go func() { ended <- work(ctx, pools) }()
	d := must(newDesk(pools, "acme"))
	check(d.create(ctx))
	check(d.customers.Upsert(ctx, "u1", Customer{"Alice", "alice@example.com"}))
	alice := must(d.customers.FindOne(ctx, email.Eq("alice@example.com"))) // one round trip
	check(d.say(ctx, alice.ID, "my cup is broken"))
	check(d.say(ctx, alice.ID, "can I have another one?"))
	fmt.Println(alice.Value.Name, "wrote two messages; they are answered together, two seconds after the last one")
	for n := int64(0); n == 0; time.Sleep(100 * time.Millisecond) {
		n = must(d.tickets.Count(ctx, customer.Eq(alice.ID)))
	}
	page := must(d.tickets.Page(ctx, hashrepo.Query[Ticket]{Where: []hashrepo.Cond[Ticket]{customer.Eq(alice.ID)}, Order: opened.Desc(), Limit: 20}))
	fmt.Printf("the last ticket of %d: %q\n", len(page.Records), page.Records[0].Value.Text)
	stop() // the worker finishes what it does
	check(<-ended)
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
