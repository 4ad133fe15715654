package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/scope"
)

// inboxService is the service of the inboxes.
const inboxService = "chat"

// inboxOf returns the queue of the messages of one user.
func inboxOf(user string) symphony.Queue {
	return symphony.Queue{Service: inboxService, Entity: user, Action: "answer"}
}

// toShip is the queue of a tenant's orders that wait to be shipped.
var toShip = symphony.Queue{Service: "ship", Entity: "orders", Action: "pack"}

// User is a person who writes to a tenant. No two users of a tenant have one
// email, and any number of them have none.
type User struct {
	Messages int64  `redis:"messages" json:"messages"`
	Email    string `redis:"email,unique,omitzero" json:"email,omitzero"`
}

// Conversation is the state of the chat with one user.
type Conversation struct {
	Turns    int64     `redis:"turns" json:"turns"`
	Said     string    `redis:"said" json:"said"`
	Scratch  string    `redis:"scratch" json:"scratch"`   // the name of the last turn's shared state
	Answered []string  `redis:"answered" json:"-"`        // the ids of the last messages that were answered
	Log      []Remark  `redis:"log" json:"log"`           // the last messages and replies
	Changed  time.Time `redis:"timestamp" json:"changed"` // Merge writes it
	Version  int64     `redis:"version,version" json:"-"`
}

// chunk is how many messages are answered at once.
const chunk = 100

// remembered is how many ids a Conversation keeps. If the process dies after it
// answered a chunk, those messages are delivered again before any others, so
// their ids are among the last ones.
const remembered = 2 * chunk

// answeredWith returns the ids in Answered and those of items, without the
// oldest ones.
func (c Conversation) answeredWith(items []listrepo.Item[Message]) []string {
	ids := c.Answered
	for _, m := range items {
		ids = append(ids, m.ID)
	}
	return ids[max(0, len(ids)-remembered):]
}

// Remark is what the user or the agent said.
type Remark struct {
	Who  string `redis:"who" json:"who"` // "user" or "agent"
	Text string `redis:"text" json:"text"`
}

// logged is how many remarks a Conversation keeps.
const logged = 100

// logWith returns the log with messages and the reply to them, without the
// oldest remarks.
func (c Conversation) logWith(items []listrepo.Item[Message], reply string) []Remark {
	log := c.Log
	for _, m := range items {
		log = append(log, Remark{"user", m.Value.Text})
	}
	log = append(log, Remark{"agent", reply})
	return log[max(0, len(log)-logged):]
}

// Message is an item of a user's inbox. It waits there until the user has
// stopped typing.
type Message struct {
	Text string    `redis:"text" json:"text"`
	Sent time.Time `redis:"sent" json:"sent"`
}

// Order is a row of a tenant's orders. Its id is that of the message.
type Order struct {
	User   string    `redis:"user,index" json:"user"`
	Items  []string  `redis:"items" json:"items"`
	Price  float64   `redis:"price" json:"price"`
	Status string    `redis:"status" json:"status"`
	Placed time.Time `redis:"placed" json:"placed"`
}

// Turn is the shared state of one answer, which its tools read and write.
type Turn struct {
	Lines    []Line  `redis:"lines" json:"lines"`
	Wishes   []Wish  `redis:"wishes" json:"wishes"`
	Discount float64 `redis:"discount" json:"discount"`
}

// Line is one message of the conversation.
type Line struct {
	Message string `redis:"message" json:"message"` // its id
	Text    string `redis:"text" json:"text"`
}

// Wish is what a message names of the things that the tenant sells.
type Wish struct {
	Message string   `redis:"message" json:"message"` // its id
	Items   []string `redis:"items" json:"items"`
	Price   float64  `redis:"price" json:"price"`
}

// Settings are the settings of a tenant.
type Settings struct {
	Quiet  time.Duration // silence after which the agent answers
	AtMost time.Duration // how long it waits for silence
	Prices map[string]float64
}

// loadSettings stands for a slow source of settings.
func loadSettings(context.Context) (Settings, error) {
	return Settings{2 * time.Second, 15 * time.Second, map[string]float64{"cup": 9.5, "lamp": 40, "chair": 120}}, nil
}

// Handles of the fields that are changed separately.
var (
	messages = hashrepo.NumberOf(func(u *User) *int64 { return &u.Messages })
	email    = hashrepo.FieldOf(func(u *User) *string { return &u.Email })
	turns    = hashrepo.NumberOf(func(c *Conversation) *int64 { return &c.Turns })
	said     = hashrepo.FieldOf(func(c *Conversation) *string { return &c.Said })
	scratch  = hashrepo.FieldOf(func(c *Conversation) *string { return &c.Scratch })
	answered = hashrepo.ListOf(func(c *Conversation) *[]string { return &c.Answered })
	history  = hashrepo.ListOf(func(c *Conversation) *[]Remark { return &c.Log })
	buyer    = hashrepo.FieldOf(func(o *Order) *string { return &o.User })
	wishes   = hashrepo.ListOf(func(t *Turn) *[]Wish { return &t.Wishes })
)

// shop holds the repositories for one user of one tenant. It takes microseconds
// to make, so each request and each turn has its own.
type shop struct {
	id            scope.Identity
	inbox         symphony.Queue // of the user
	users         *symphony.User[User]
	conversations *symphony.StateHandler[Conversation]
	orders        *symphony.Table[Order]
	messages      *symphony.Batch[Message]
	shipping      *symphony.Batch[string]
	turns         *hashrepo.HashRepo[Turn] // the shared states, typed
	answers       *symphony.Feed[string]   // the words of each turn
	settings      Settings
}

var shops = scope.NewKey[*shop]("shop")

// cached keeps in memory what every request reads, until Redis reports a
// change.
var cached = symphony.Cached(time.Minute)

// bindShop is a Binder that runs after that of the shared state. The settings
// are loaded once for all processes and kept in Redis for five minutes.
func (s *service) bindShop(ctx context.Context, id scope.Identity) (context.Context, error) {
	settings, err := symphony.NewGeneric[Settings](s.pools, id.Tenant, symphony.TTL(5*time.Minute), cached)
	if err != nil {
		return nil, err
	}
	at := &shop{id: id, inbox: inboxOf(id.User)}
	if at.settings, err = settings.GetOrLoad(ctx, "settings", loadSettings); err != nil {
		return nil, err
	}
	state, _ := symphony.SharedStateFrom(ctx)
	var errs [7]error
	at.users, errs[0] = s.usersOf(id.Tenant)
	at.conversations, errs[1] = symphony.NewStateHandler[Conversation](s.pools, id.Tenant, "chat")
	at.orders, errs[2] = s.ordersOf(id.Tenant)
	at.messages, errs[3] = symphony.NewBatch[Message](s.pools, id.Tenant,
		symphony.Serial(), symphony.Quiet(at.settings.Quiet, at.settings.AtMost))
	at.shipping, errs[4] = symphony.NewBatch[string](s.pools, id.Tenant)
	at.turns, errs[5] = symphony.StateOf[Turn](state)
	at.answers, errs[6] = symphony.NewFeed[string](s.pools, id.Tenant, "answers", symphony.TTL(scratchLifetime))
	return shops.With(ctx, at), errors.Join(errs[:]...)
}

// answerOf returns the id of the feed of a turn. It contains the user, so that
// nobody else can read it.
func (at *shop) answerOf(turn string) string { return at.id.User + "/" + turn }

// usersOf returns the users of a tenant.
func (s *service) usersOf(tenant string) (*symphony.User[User], error) {
	return symphony.NewUser[User](s.pools, tenant, symphony.TTL(30*24*time.Hour), cached, symphony.Layout(s.layout()))
}

// ordersOf returns the orders of a tenant.
func (s *service) ordersOf(tenant string) (*symphony.Table[Order], error) {
	return symphony.NewTable[Order](s.pools, tenant, "orders", symphony.NoTTL(), symphony.Layout(s.layout()))
}

// layout returns the layout of records with an index. On a cluster they share
// the slot of their tenant. The other records are spread over all slots.
func (s *service) layout() keyspace.Layout {
	if layout := s.pools.Layout(); layout != keyspace.Cluster() {
		return layout
	}
	return keyspace.ClusterByTenant()
}

// reindex brings the indexes of a tenant to the state of its records, and marks
// them as complete. Until this was done once, searches walk the whole database:
// the service does not know whether there are records from a time without the
// index. A service that creates tenants does it then. It reads all keys, so it
// does not belong into a request.
func (s *service) reindex(ctx context.Context, tenant string) error {
	users, err := s.usersOf(tenant)
	if err != nil {
		return err
	}
	orders, err := s.ordersOf(tenant)
	if err != nil {
		return err
	}
	for _, pass := range []iter.Seq2[hashrepo.Progress, error]{users.Reindex(ctx), orders.Reindex(ctx)} {
		for _, err := range pass {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
