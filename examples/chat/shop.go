package main

import (
	"context"
	"errors"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/scope"
)

const (
	answerAction = "answer" // of the triggers and of the inboxes
	turnState    = "turn"   // the tools' shared state
)

// toShip is the queue of a tenant's orders that wait to be shipped.
var toShip = symphony.Queue{Service: "ship", Entity: "orders", Action: "pack"}

// User is a person who writes to a tenant.
type User struct {
	Messages int64 `redis:"messages" json:"messages"`
}

// Conversation is the state of the chat with one user.
type Conversation struct {
	Turns    int64     `redis:"turns" json:"turns"`
	Said     string    `redis:"said" json:"said"`
	Answered []string  `redis:"answered" json:"-"`        // the ids of the last messages that were answered
	Changed  time.Time `redis:"timestamp" json:"changed"` // Merge writes it
}

// chunk is how many messages are answered at once.
const chunk = 100

// remembered is the least number of ids that a Conversation keeps. If the
// process dies after it answered a chunk, those messages are delivered again
// before any others, so their ids are among the last ones.
const remembered = 2 * chunk

// forget removes all but the last ids.
func (c *Conversation) forget() error {
	c.Answered = c.Answered[max(0, len(c.Answered)-remembered):]
	return nil
}

// Message is an item of a user's inbox. It waits there until the user has
// stopped typing.
type Message struct {
	Text string    `redis:"text" json:"text"`
	Sent time.Time `redis:"sent" json:"sent"`
}

// Order is a row of a tenant's orders.
type Order struct {
	User   string    `redis:"user" json:"user"`
	Item   string    `redis:"item" json:"item"`
	Price  float64   `redis:"price" json:"price"`
	Status string    `redis:"status" json:"status"`
	Placed time.Time `redis:"placed" json:"placed"`
}

// Turn is the shared state of one answer, which its tools read and write.
type Turn struct {
	Lines    []Line  `redis:"lines" json:"lines"`
	Item     string  `redis:"item" json:"item"`
	Message  string  `redis:"message" json:"message"` // the id of the message that names the item
	Price    float64 `redis:"price" json:"price"`
	Discount float64 `redis:"discount" json:"discount"`
}

// Line is one message of the conversation.
type Line struct {
	Message string `redis:"message" json:"message"` // its id
	Text    string `redis:"text" json:"text"`
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
	turns    = hashrepo.NumberOf(func(c *Conversation) *int64 { return &c.Turns })
	said     = hashrepo.FieldOf(func(c *Conversation) *string { return &c.Said })
	answered = hashrepo.ListOf(func(c *Conversation) *[]string { return &c.Answered })
	buyer    = hashrepo.FieldOf(func(o *Order) *string { return &o.User })
	item     = hashrepo.FieldOf(func(t *Turn) *string { return &t.Item })
	message  = hashrepo.FieldOf(func(t *Turn) *string { return &t.Message })
	price    = hashrepo.FieldOf(func(t *Turn) *float64 { return &t.Price })
)

// shop holds the repositories for one user of one tenant. It takes microseconds
// to make, so each request and each trigger has its own.
type shop struct {
	id            scope.Identity
	inbox         symphony.Queue // of the user
	users         *symphony.User[User]
	conversations *symphony.StateHandler[Conversation]
	orders        *symphony.Table[Order]
	messages      *symphony.Batch[Message]
	shipping      *symphony.Batch[string]
	triggers      *symphony.Trigger
	turn          *hashrepo.HashRepo[Turn] // the shared state, typed
	settings      Settings
}

var shops = scope.NewKey[*shop]("shop")

// cached keeps in memory what every request reads, until Redis reports a
// change.
var cached = symphony.Cached(time.Minute)

// bindShop is a Binder that runs after that of the shared state. The settings
// are loaded once for all processes and kept in Redis for five minutes.
func (s *service) bindShop(ctx context.Context, id scope.Identity) (context.Context, error) {
	at := &shop{id: id, inbox: symphony.Queue{Service: "chat", Entity: id.User, Action: answerAction}}
	scratch, _ := symphony.SharedStateFrom(ctx)
	var errs [8]error
	at.users, errs[0] = symphony.NewUser[User](s.pools, id.Tenant, symphony.TTL(30*24*time.Hour), cached)
	at.conversations, errs[1] = symphony.NewStateHandler[Conversation](s.pools, id.Tenant, "chat")
	at.orders, errs[2] = symphony.NewTable[Order](s.pools, id.Tenant, "orders", symphony.NoTTL())
	at.messages, errs[3] = symphony.NewBatch[Message](s.pools, id.Tenant)
	at.shipping, errs[4] = symphony.NewBatch[string](s.pools, id.Tenant)
	at.triggers, errs[5] = symphony.NewTrigger(s.pools, id.Tenant)
	at.turn, errs[6] = symphony.StateOf[Turn](scratch)
	settings, err := symphony.NewGeneric[Settings](s.pools, id.Tenant, symphony.TTL(5*time.Minute), cached)
	errs[7] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	at.settings, err = settings.GetOrLoad(ctx, "settings", loadSettings)
	return shops.With(ctx, at), err
}
