/* Browsers start no Worker from a page that was opened from a disk; a hidden frame does the search's work there instead. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      this.ready = new Promise(resolve => frame.addEventListener("load", resolve))
      document.body.append(frame)
      this.frame = frame.contentWindow
      addEventListener("message", event => {
        if (event.source === this.frame) this.dispatchEvent(new MessageEvent("message", { data: event.data }))
      })
      this.frame.document.open()
      this.frame.document.write(
        "<script>postMessage = data => parent.dispatchEvent(" +
          'new MessageEvent("message", { data, source: window }))</script>' +
          "<script>importScripts = (...urls) => Promise.all(urls.map(url => new Promise((resolve, reject) => document" +
          '.head.append(Object.assign(document.createElement("script"), { src: url, onload: resolve, onerror: reject })))))</script>' +
          `<script src="${url}"></script>`
      )
      this.frame.document.close()
    }

    postMessage(data) {
      this.ready.then(() => this.frame.dispatchEvent(new MessageEvent("message", { data, source: window })))
    }

    terminate() {
      this.frame.frameElement.remove()
    }
  }
}
