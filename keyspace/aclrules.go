package keyspace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/rights"
	"github.com/symphony-go/symphony/internal/spacekey"
)

// aclRules collects the rules of ACL SETUSER for a tenant, or for all tenants.
type aclRules struct {
	layout   Layout
	tenant   string // Any for all tenants
	features []Feature
	services []string // empty for all
	aliases  []string // empty for the usual ones
	prefixed bool
	newer    bool

	commands, keys, channels []string
	everyKey                 bool
	unwritable               string // a text that no rule can contain, or empty
}

// check returns an error if there are no rules for the tenant, the services or
// the layout.
func (r *aclRules) check() error {
	for _, f := range r.features {
		p, hasRecords := r.layout.patternOf(f)
		_, isRow := rights.Find(string(f))
		switch {
		case !isRow && f != ACLPrimitives || f == "pool.Open":
			return fmt.Errorf("%w: the feature %q is unknown; use a constant of keyspace, such as keyspace.ACLUser", ErrInvalidACL, string(f))
		case f.seesAllTenants() && r.tenant != Any:
			return fmt.Errorf("%w: the feature %q sees all tenants; use ServiceACL for its user", ErrInvalidACL, string(f))
		case hasRecords && p.t == nil, (f == ACLBatch || f == ACLWorkBatches) && r.layout.PendingSet.t == nil:
			return fmt.Errorf("%w: the layout has no pattern for the feature %q; copy keyspace.Default() and change single patterns", ErrInvalidKey, string(f))
		}
	}
	for _, service := range r.services {
		if err := r.layout.PendingSet.CheckPart(0, service); err != nil {
			return err
		}
		if err := r.layout.BatchList.CheckPart(1, service); err != nil {
			return err
		}
	}
	if r.tenant == Any {
		return nil
	}
	return r.checkTenant()
}

// checkTenant returns an error if rules cannot keep the tenant apart.
func (r *aclRules) checkTenant() error {
	for _, f := range r.features {
		p, ok := r.layout.patternOf(f)
		if !ok {
			continue
		}
		if err := p.CheckPart(0, r.tenant); err != nil {
			return err
		}
		if s := p.stem(r.tenant); s.braces && !r.prefixed && strings.HasPrefix(s.text, "{") {
			return fmt.Errorf("%w: the tenant %.32q begins with a brace, so that the library's keys beside its records can look like those of another tenant; rename it",
				ErrInvalidACL, r.tenant)
		}
		if p.IsPython() && p.CheckPart(0, "a:b") == nil {
			return fmt.Errorf("%w: the layout cannot distinguish tenants: with keyspace.AllowAmbiguous, %q accepts a tenant with a colon, "+
				"so that the pattern of one tenant matches keys of another; use a layout without it", ErrInvalidACL, p)
		}
		if set := r.layout.PendingSet; set.t != nil && set.t.literals[0] != "" && strings.HasPrefix(p.stem(r.tenant).text, set.t.literals[0]) {
			return fmt.Errorf("%w: the keys of the tenant %.32q begin like those of %q, which the rules of all tenants include; "+
				"rename the tenant, or change the pattern PendingSet", ErrInvalidACL, r.tenant, set)
		}
	}
	return nil
}

// list returns the rules: commands, keys, channels.
func (r *aclRules) list() ([]string, error) {
	if r.unwritable != "" {
		return nil, fmt.Errorf("%w: %.32q contains white space other than a space, which no ACL pattern can contain; rename it", ErrInvalidACL, r.unwritable)
	}
	if r.everyKey {
		r.keys = []string{"*"}
	}
	slices.Sort(r.commands)
	rules := slices.Compact(r.commands)
	for _, pattern := range withoutCovered(r.keys) {
		rules = append(rules, "~"+pattern)
	}
	for _, pattern := range withoutCovered(r.channels) {
		rules = append(rules, "&"+pattern)
	}
	return rules, nil
}

// withoutCovered returns the patterns, each once, without those that begin like
// another pattern up to the "*" at its end.
func withoutCovered(patterns []string) []string {
	covers := func(other, p string) bool {
		before, ok := strings.CutSuffix(other, "*")
		isEscape := (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1
		return ok && !isEscape && other != p && strings.HasPrefix(p, before)
	}
	var all []string
	for _, p := range patterns {
		if !slices.Contains(all, p) && !slices.ContainsFunc(patterns, func(other string) bool { return covers(other, p) }) {
			all = append(all, p)
		}
	}
	return all
}

// addCommands adds the commands of a row and of the rows that it needs.
func (r *aclRules) addCommands(name string) {
	row, _ := rights.Find(name)
	r.commands = append(append(r.commands, row.Commands...), row.Optional...)
	if r.layout.Trigger.HashTag() != "" {
		r.commands = append(r.commands, row.Cluster...)
	}
	if r.newer {
		r.commands = append(r.commands, row.Newer...)
	}
	if r.layout.Trigger.IsPython() {
		r.commands = append(r.commands, row.Python...)
	}
	for _, needed := range row.Needs {
		r.addCommands(needed)
	}
}

// add adds the rules of a feature.
func (r *aclRules) add(f Feature) {
	r.addCommands(string(f))
	switch f {
	case ACLTenants:
		r.everyKey = true
	case ACLIndexes:
		for _, hash := range r.features {
			if hash.isHash() {
				r.addIndexes(hash)
			}
		}
	case ACLBatch, ACLWorkBatches:
		r.addQueues(f)
	case ACLTrigger, ACLListener:
		r.addTriggers(f)
	case ACLPrimitives:
		for _, name := range []string{string(ACLTable), string(ACLGeneric), string(ACLBatch)} {
			r.addCommands(name)
		}
		for _, s := range r.stems(f, r.tenant) {
			r.addKeys(s)
			r.addBeside(&r.keys, s, "", slices.Concat([]string{"load"}, rights.BesideQueue)...)
		}
	case ACLFeed, ACLTopic:
		r.addChannels(f)
	default:
		row, _ := rights.Find(string(f))
		for _, s := range r.stems(f, r.tenant) {
			r.addKeys(s)
			r.addBeside(&r.keys, s, "", row.Beside...)
		}
	}
}

// addIndexes adds the keys of lists and indexes of hashes.
func (r *aclRules) addIndexes(hash Feature) {
	p, _ := r.layout.patternOf(hash)
	for _, prefix := range r.prefixes(hash) {
		s := p.stem(r.tenant)
		group := stem{text: prefix + spacekey.Group(s.text, !s.braces), whole: true}
		s.text = prefix + s.text
		r.addBeside(&r.keys, s, "", rights.BesideSpace...)
		if r.tenant == Any {
			for _, kind := range rights.BesideGroup {
				r.keys = append(r.keys, "%"+kind+"*")
			}
			continue
		}
		r.addBeside(&r.keys, group, "", rights.BesideGroup...)
	}
}

// addQueues adds the queues of the tenant, and the pending set and schedule of
// their services, which the tenants share.
func (r *aclRules) addQueues(f Feature) {
	services := r.services
	if len(services) == 0 {
		services = []string{Any}
	}
	for _, service := range services {
		queues := []string{r.tenant, service}
		if service == Any {
			queues = queues[:1]
		}
		for _, s := range r.stems(f, queues...) {
			r.addKeys(s)
			r.addBeside(&r.keys, s, "", rights.BesideQueue...)
		}
		for _, prefix := range r.prefixes(f) {
			set := r.layout.PendingSet.stem(service)
			set.text, set.shared = prefix+set.text, true
			r.addKeys(set)
			r.addBeside(&r.keys, set, "", rights.BesidePendingSet...)
			ofTenant := ":" + escape.encode(r.tenant)
			if r.tenant == Any {
				ofTenant = ":" + Any
			}
			r.addBeside(&r.keys, set, ofTenant, queuekey.Queues)
			if f == ACLWorkBatches {
				r.addBeside(&r.keys, set, "", queuekey.Sweep)
				r.addBeside(&r.keys, set, ofTenant, queuekey.Places)
			}
			r.addBeside(&r.channels, set, "", queuekey.Wake)
		}
	}
}

// addTriggers adds the triggers of the tenant, and the schedule, which the
// tenants share.
func (r *aclRules) addTriggers(f Feature) {
	for _, s := range r.stems(f, r.tenant) {
		r.addKeys(s)
	}
	afterKind, ofWake := "%exp:*", "%exp:wake:*"
	if len(r.layout.Trigger.t.params) == 4 {
		afterKind, ofWake = "%exp{*", "%exp{*}:wake:*"
	}
	for _, prefix := range r.prefixes(f) {
		r.keys = append(r.keys, r.glob(prefix)+afterKind)
		r.channels = append(r.channels, r.glob(prefix)+ofWake)
	}
	if f == ACLListener {
		r.channels = append(r.channels, "__keyevent@*")
	}
}

// addChannels adds feeds with their channels, or topics.
func (r *aclRules) addChannels(f Feature) {
	for _, s := range r.stems(f, r.tenant) {
		if f == ACLTopic {
			r.channels = append(r.channels, r.glob(s.text)+"*")
			continue
		}
		r.addKeys(s)
		r.addBeside(&r.channels, s, "", "feed")
	}
}

// prefixes returns the prefixes of the keys of a feature: one for each pool.
func (r *aclRules) prefixes(f Feature) []string {
	if !r.prefixed {
		return []string{""}
	}
	aliases := r.aliases
	if len(aliases) == 0 {
		aliases = f.usualAliases()
	}
	var all []string
	for _, a := range aliases {
		all = append(all, a+":")
	}
	return all
}

// stem is the beginning of keys, or a whole key.
type stem struct {
	text   string // Any stands for any value
	whole  bool   // the text is the whole key
	shared bool   // all tenants share the keys
	braces bool   // the parts that follow may contain braces
}

// stem returns the beginning of the keys with these first parts, which the
// pattern accepts. A part can be Any, after which no part follows as text.
func (p Pattern) stem(parts ...string) stem {
	var b strings.Builder
	s := stem{braces: p.t.params[0].rule&noBraces == 0}
	b.WriteString(p.t.literals[0])
	for i, part := range parts {
		if part == Any && i == len(parts)-1 && len(parts) == len(p.t.params) {
			s.text = b.String()
			return s
		}
		if part == Any {
			b.WriteString(Any)
		} else {
			p.t.params[i].rule.write(&b, part)
		}
		b.WriteString(p.t.literals[i+1])
	}
	s.text, s.whole = b.String(), len(parts) == len(p.t.params)
	return s
}

// stems returns the beginnings of the keys of a feature, one for each pool. A
// feature without records has none.
func (r *aclRules) stems(f Feature, parts ...string) []stem {
	p, ok := r.layout.patternOf(f)
	if !ok {
		return nil
	}
	var all []stem
	for _, prefix := range r.prefixes(f) {
		s := p.stem(parts...)
		s.text = prefix + s.text
		s.braces = s.braces || f == ACLPrimitives
		all = append(all, s)
	}
	return all
}

// addKeys adds the pattern of the keys of a stem.
func (r *aclRules) addKeys(s stem) {
	if s.whole {
		r.keys = append(r.keys, r.glob(s.text))
		return
	}
	r.keys = append(r.keys, r.glob(s.text)+"*")
}

// addBeside adds the patterns of keys beside those of a stem, for kinds that
// are globs. The suffix follows the result of [Beside].
func (r *aclRules) addBeside(to *[]string, s stem, suffix string, kinds ...string) {
	for _, kind := range kinds {
		for _, form := range r.formsBeside(s) {
			*to = append(*to, "%"+kind+form+r.glob(suffix))
		}
	}
}

// formsBeside returns the forms of keys beside those of a stem, after the kind.
// There are several, because [Beside] puts a key in braces, leaves it as it is,
// or puts a tag before it. One "*" before the stem would also match keys of
// other tenants whose ids contain the text of the stem.
func (r *aclRules) formsBeside(s stem) (forms []string) {
	text := r.glob(s.text)
	switch {
	case s.whole:
		return []string{r.glob(strings.TrimPrefix(Beside("k", s.text), "%k"))}
	case s.shared || r.tenant == Any:
		return []string{"*" + strings.TrimPrefix(text, "*") + "*"}
	case hashTag(s.text) != "", !s.braces && strings.Contains(s.text, "{"):
		return []string{":" + text + "*"}
	}
	if !strings.Contains(s.text, "}") {
		forms = append(forms, ":{"+text+"*")
	}
	if s.braces {
		forms = append(forms, ":"+text+"*", "%:{???}"+text+"*") // tagOfSlot returns three bytes
	}
	return forms
}

// glob returns a text as an ACL pattern that matches only the text, with "*"
// for Any.
func (r *aclRules) glob(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, Any) {
		if i > 0 {
			b.WriteByte('*')
		}
		if strings.ContainsAny(part, "\t\n\v\f\r") {
			r.unwritable = part
		}
		writeACLGlob(&b, part)
	}
	return b.String()
}
