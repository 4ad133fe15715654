package subscription

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

const (
	subscribePage = 500             // how many channels are subscribed to at once
	lingerTime    = 5 * time.Second // how long a connection without listeners stays open
	mostUnused    = 1000            // channels without listeners on one connection, unless more are used
)

// Listener receives the messages of a channel of a [Hub]. Its methods must
// return soon and must not call the Hub: they run on the reader of the
// connection.
type Listener interface {
	// Received is called for each message.
	Received(message string)

	// Subscribed is called when the channel is subscribed to. Messages that
	// were published before may have been missed.
	Subscribed()

	// Lost is called when a subscription ends for which Subscribed was called.
	Lost()

	// Failed is called when the server refuses the subscription, which the Hub
	// tries again after a minute. If err is [pool.ErrClosed], it never does.
	Failed(err error)
}

// Hub subscribes to channels that come and go. All of them share one connection
// to each node. On a cluster it uses sharded channels.
//
// It never sends UNSUBSCRIBE: if a server refuses that command, because it is
// busy with a script, rueidis panics. Instead it ignores the messages of
// channels without listeners. If there are many of these, it opens a new
// connection.
type Hub struct {
	client  rueidis.Client
	sharded bool

	mu       sync.Mutex
	channels map[string]*channel // those that have listeners
	links    map[string]*link    // by the address of the node; on a single server by ""
	owners   map[uint16]string   // the addresses of the nodes that serve the slots; nil if not known
	finding  bool                // whether they are being found
	closed   bool
}

type hubKey struct{ alias pool.Alias }

// HubOf returns the Hub that all users of a pool share. It is nil if the store
// has no client.
func HubOf(s *store.Store) *Hub {
	if s.Client == nil {
		return nil
	}
	return s.Attached(hubKey{s.Alias}, func() any { return newHub(s.Client) }).(*Hub)
}

// newHub returns a Hub for the nodes of a client. It connects when a first
// listener joins.
func newHub(client rueidis.Client) *Hub {
	return &Hub{
		client: client, sharded: client.Mode() == rueidis.ClientModeCluster,
		channels: map[string]*channel{}, links: map[string]*link{},
	}
}

// channel is a channel that has listeners.
type channel struct {
	name      string
	listeners []Listener
	link      *link // nil if the node is not known yet
}

// Sharded reports whether messages must be published with SPUBLISH.
func (h *Hub) Sharded() bool { return h.sharded }

// Join adds a listener to a channel until leave is called. If the channel is
// subscribed to already, it calls Subscribed.
func (h *Hub) Join(name string, l Listener) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		l.Failed(pool.ErrClosed)
		return func() {}
	}
	c := h.channels[name]
	if c == nil {
		c = &channel{name: name}
		h.channels[name] = c
		h.route(c)
	}
	c.listeners = append(c.listeners, l)
	if c.link != nil {
		switch state := c.link.state[name]; {
		case state.confirmed:
			l.Subscribed()
		case state.refusal != nil:
			l.Failed(state.refusal)
		}
	}
	return sync.OnceFunc(func() { h.leave(c, l) })
}

func (h *Hub) leave(c *channel, l Listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// A new slice, since deliver may range over the old one.
	c.listeners = slices.DeleteFunc(slices.Clone(c.listeners), func(other Listener) bool { return other == l })
	if len(c.listeners) > 0 || h.channels[c.name] != c {
		return
	}
	delete(h.channels, c.name)
	if c.link != nil {
		delete(c.link.wanted, c.name)
		c.link.signal()
	}
}

// route adds a channel to the link of its node.
func (h *Hub) route(c *channel) {
	addr := ""
	if h.sharded {
		if h.owners == nil {
			h.findOwners(0)
		}
		addr = h.owners[keyspace.Slot(c.name)]
		if addr == "" { // findOwners is under way, and adds the channel to its link
			return
		}
	}
	l := h.links[addr]
	if l == nil {
		l = &link{hub: h, addr: addr, wanted: map[string]*channel{}, changed: make(chan struct{}, 1)}
		h.links[addr] = l
		go l.run()
	}
	c.link = l
	l.wanted[c.name] = c
	l.added = append(l.added, c.name)
	l.signal()
}

// findOwners asks the cluster which nodes serve the slots, until it replies,
// and then routes the channels that have no link.
func (h *Hub) findOwners(after time.Duration) {
	if h.finding {
		return
	}
	h.finding = true
	go func() {
		for pause := after; ; pause = retryDelay {
			_ = retry.Sleep(context.Background(), pause)
			owners, err := ownersOf(h.client)
			h.mu.Lock()
			if errors.Is(err, pool.ErrClosed) {
				h.close()
			}
			if done := err == nil && h.routeAll(owners) || h.closed; done {
				h.finding = false
				h.mu.Unlock()
				return
			}
			h.mu.Unlock()
		}
	}()
}

// routeAll routes the channels without a link to the nodes that serve them. It
// reports whether all channels have one.
func (h *Hub) routeAll(owners map[uint16]string) (done bool) {
	h.owners, done = owners, true
	for _, c := range h.channels {
		if c.link != nil {
			continue
		}
		if owners[keyspace.Slot(c.name)] == "" {
			done = false
			continue
		}
		h.route(c)
	}
	return done
}

// ownersOf returns the address of the primary of each slot.
func ownersOf(client rueidis.Client) (map[uint16]string, error) {
	ranges, err := client.Do(context.Background(), client.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, err
	}
	nodes := client.Nodes()
	owners := make(map[uint16]string, keyspace.Slots)
	for _, r := range ranges {
		parts, err := r.ToArray()
		if err != nil || len(parts) < 3 {
			continue
		}
		first, errFirst := parts[0].AsUint64()
		last, errLast := parts[1].AsUint64()
		primary, errPrimary := parts[2].ToArray()
		if errors.Join(errFirst, errLast, errPrimary) != nil || len(primary) < 2 || last >= keyspace.Slots {
			continue
		}
		host, _ := primary[0].ToString()
		port, _ := primary[1].AsUint64()
		addr := findNode(nodes, host, strconv.FormatUint(port, 10))
		for slot := first; addr != "" && slot <= last; slot++ {
			owners[uint16(slot)] = addr
		}
	}
	return owners, nil
}

// findNode returns the address of a node as the client knows it. A node may not
// know its own host.
func findNode(nodes map[string]rueidis.Client, host, port string) string {
	for addr := range nodes {
		if at := strings.LastIndexByte(addr, ':'); at >= 0 && addr[at+1:] == port && (host == "" || strings.Trim(addr[:at], "[]") == host) {
			return addr
		}
	}
	return ""
}

// close ends the Hub for good. All listeners learn it.
func (h *Hub) close() {
	if h.closed {
		return
	}
	h.closed = true
	for _, c := range h.channels {
		for _, l := range c.listeners {
			l.Failed(pool.ErrClosed)
		}
	}
	h.channels = map[string]*channel{}
	for _, l := range h.links {
		l.signal()
	}
}

// channelState is the state of a channel that a connection has requested.
type channelState struct {
	confirmed bool
	refusal   error // from the server
}

// link is the connection to one node. The mutex of the Hub protects its fields.
type link struct {
	hub     *Hub
	addr    string
	wanted  map[string]*channel
	added   []string                // those of them that the connection may not have requested
	state   map[string]channelState // of the current connection, also of channels that are not wanted any more
	conn    int                     // the number of the current connection
	changed chan struct{}
}

func (l *link) signal() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// run keeps a connection while there are channels.
func (l *link) run() {
	for {
		err := l.connect()
		l.hub.mu.Lock()
		l.lost()
		if errors.Is(err, pool.ErrClosed) {
			l.hub.close()
		}
		if l.hub.closed || len(l.wanted) == 0 {
			delete(l.hub.links, l.addr)
			l.hub.mu.Unlock()
			return
		}
		l.hub.mu.Unlock()
		if !errors.Is(err, errReplaced) && !errors.Is(err, errUnused) {
			_ = retry.Sleep(context.Background(), retryDelay)
		}
	}
}

var (
	errUnused   = errors.New("the connection has no listeners")
	errReplaced = errors.New("a new connection replaces one with channels that are not used")
	errMoved    = errors.New("slots have moved to other nodes")
)

// lost ends the subscriptions of a connection that broke.
func (l *link) lost() {
	state := l.state
	l.state = nil
	l.conn++
	for name, c := range l.wanted {
		if state[name].confirmed {
			for _, listener := range c.listeners {
				listener.Lost()
			}
		}
	}
	if l.hub.sharded && len(l.wanted) > 0 {
		l.reroute()
	}
}

// reroute finds the nodes of all channels of the link anew.
func (l *link) reroute() {
	for name, c := range l.wanted {
		c.link = nil
		delete(l.wanted, name)
	}
	l.hub.owners = nil
	l.hub.findOwners(retryDelay)
}

// connect opens a connection and subscribes until it breaks, or is not needed.
func (l *link) connect() error {
	node, err := l.node()
	if err != nil {
		return err
	}
	d, release := node.Dedicate()
	defer release()
	l.hub.mu.Lock()
	l.state, l.added = map[string]channelState{}, slices.Collect(maps.Keys(l.wanted))
	number := l.conn
	l.hub.mu.Unlock()
	broken := d.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage:      func(m rueidis.PubSubMessage) { l.hub.deliver(m) },
		OnSubscription: func(s rueidis.PubSubSubscription) { l.confirm(number, s) },
	})
	linger := time.NewTimer(lingerTime)
	defer linger.Stop()
	retryRefused := time.NewTimer(refusedDelay)
	defer retryRefused.Stop()
	for {
		names, unused, replace := l.missing()
		if replace {
			return errReplaced
		}
		if err := l.subscribe(d, names); err != nil {
			return err
		}
		var idle <-chan time.Time
		if unused {
			linger.Reset(lingerTime)
			idle = linger.C
		}
		select {
		case err := <-broken:
			if err == nil {
				err = rueidis.ErrClosing
			}
			return err
		case <-l.changed:
		case <-idle:
			return errUnused
		case <-retryRefused.C:
			l.forgetRefused()
			retryRefused.Reset(refusedDelay)
		}
	}
}

// node returns the client of the node. On a single server it is that of the
// pool.
func (l *link) node() (rueidis.Client, error) {
	if l.addr == "" {
		return l.hub.client, nil
	}
	if node, ok := l.hub.client.Nodes()[l.addr]; ok {
		return node, nil
	}
	return nil, errMoved
}

// missing returns the channels that the connection has not requested. It also
// reports whether the connection has no listeners, and whether a new one is to
// replace it.
func (l *link) missing() (names []string, unused, replace bool) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.hub.closed {
		return nil, true, true
	}
	if len(l.state)-len(l.wanted) > max(mostUnused, len(l.wanted)) {
		return nil, false, true
	}
	for _, name := range l.added {
		if _, known := l.state[name]; !known && l.wanted[name] != nil {
			l.state[name] = channelState{}
			names = append(names, name)
		}
	}
	l.added = nil
	return names, len(l.wanted) == 0, false
}

// subscribe requests channels.
func (l *link) subscribe(d rueidis.DedicatedClient, names []string) error {
	for page := range slices.Chunk(names, subscribePage) {
		cmds := make(rueidis.Commands, len(page))
		for i, name := range page {
			if l.hub.sharded {
				cmds[i] = d.B().Ssubscribe().Channel(name).Build()
			} else {
				cmds[i] = d.B().Subscribe().Channel(name).Build()
			}
		}
		for i, result := range d.DoMulti(context.Background(), cmds...) {
			if err := l.checkReply(page[i], result.Error()); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkReply handles the error of a subscription. It returns the errors that
// end the connection.
func (l *link) checkReply(name string, err error) error {
	redisErr, isRefusal := rueidis.IsRedisErr(err)
	switch {
	case err == nil || rueidis.IsRedisNil(err):
		return nil
	case !isRefusal:
		return err
	}
	if _, moved := redisErr.IsMoved(); moved || redisErr.IsClusterDown() {
		return errMoved
	}
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.state[name] = channelState{refusal: err}
	if c := l.wanted[name]; c != nil {
		for _, listener := range c.listeners {
			listener.Failed(err)
		}
	}
	return nil
}

// forgetRefused lets the connection request refused channels again.
func (l *link) forgetRefused() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	for name, state := range l.state {
		if state.refusal != nil {
			delete(l.state, name)
			l.added = append(l.added, name)
		}
	}
}

// confirm handles a reply to a subscription, or the news that a node does not
// serve a slot any more.
func (l *link) confirm(number int, s rueidis.PubSubSubscription) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if number != l.conn || l.state == nil {
		return
	}
	c := l.wanted[s.Channel]
	switch s.Kind {
	case "subscribe", "ssubscribe":
		l.state[s.Channel] = channelState{confirmed: true}
		if c != nil {
			for _, listener := range c.listeners {
				listener.Subscribed()
			}
		}
	case "sunsubscribe":
		delete(l.state, s.Channel)
		if c == nil {
			return
		}
		for _, listener := range c.listeners {
			listener.Lost()
		}
		c.link = nil
		delete(l.wanted, s.Channel)
		l.hub.owners = nil
		l.hub.findOwners(0)
	}
}

// deliver passes a message to the listeners of its channel.
func (h *Hub) deliver(m rueidis.PubSubMessage) {
	h.mu.Lock()
	var listeners []Listener
	if c := h.channels[m.Channel]; c != nil {
		listeners = c.listeners
	}
	h.mu.Unlock()
	for _, l := range listeners {
		l.Received(m.Message)
	}
}
