package inspect

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// policy lets pages load files of the handler, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// guard sets the headers of all replies, and refuses requests for other hosts
// and changes that another site asks for.
func (h *handler) guard(next http.Handler) http.Handler {
	var protection http.CrossOriginProtection
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.render(w, r, errorPage(errNotAsked)) }))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		switch {
		case !h.isAllowed(r):
			http.Error(w, "This host is not allowed: add its name with -host, or with the option AllowedHosts.", http.StatusForbidden)
		case r.URL.Path == "": // of http.StripPrefix, for the prefix without its slash
			path, _, _ := strings.Cut(r.RequestURI, "?")
			header.Set("Location", path[strings.LastIndexByte(path, '/')+1:]+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		default:
			protected.ServeHTTP(w, r)
		}
	})
}

// isAllowed reports whether the Host of a request is a name of this computer,
// its own address or an allowed name. A browser that another site lured here
// by its DNS sends the name of that site.
func (h *handler) isAllowed(r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.IsLoopback() {
			return true
		}
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			if own, err := netip.ParseAddrPort(local.String()); err == nil && own.Addr().Unmap() == addr.Unmap() {
				return true
			}
		}
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(h.hosts, func(name string) bool { return name == "*" || strings.EqualFold(name, host) })
}

// cookieName is the name of the cookie to which the token of a form is bound.
const cookieName = "symphony_inspect"

// token returns the token for the forms of a page, and sets its cookie if the
// browser has none.
func (h *handler) token(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil || len(cookie.Value) < 20 || len(cookie.Value) > 100 {
		cookie = &http.Cookie{Name: cookieName, Value: rand.Text(), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil}
		http.SetCookie(w, cookie)
	}
	return h.tokenOf(cookie.Value)
}

func (h *handler) tokenOf(cookie string) string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(cookie)) // a hash returns no error
	return hex.EncodeToString(mac.Sum(nil))
}

// hasToken reports whether a POST has the token of the cookie of its browser.
func (h *handler) hasToken(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	return err == nil && hmac.Equal([]byte(r.PostForm.Get("token")), []byte(h.tokenOf(cookie.Value)))
}
