// A list of uploads, each with its progress, a button to pause it, and what became of it.
import { reactive } from 'vue';
import { pause, resume, upload } from './cos.js';

export default {
  setup() {
    const uploads = reactive([]);

    async function start(file) {
      uploads.push({ name: file.name, percent: 0, isPaused: false });
      const item = uploads.at(-1);
      try {
        await upload(file, {
          onProgress: (percent) => (item.percent = percent),
          onTaskReady: (task) => (item.task = task),
        });
        item.outcome = 'Uploaded';
      } catch (error) {
        item.outcome = `Not uploaded. ${error.message}`;
      }
    }

    function toggle(item) {
      item.isPaused = !item.isPaused;
      (item.isPaused ? pause : resume)(item.task);
    }

    return { uploads, toggle, choose: (event) => [...event.target.files].forEach(start) };
  },

  template: `
    <label>Files <input id="file" type="file" multiple @change="choose"></label>
    <ul>
      <li v-for="item in uploads">
        {{ item.name }}
        <progress max="1" :value="item.percent" :aria-label="'Upload of ' + item.name"></progress>
        <button v-if="!item.outcome" @click="toggle(item)">{{ item.isPaused ? 'Resume' : 'Pause' }}</button>
        <span role="status">{{ item.outcome }}</span>
      </li>
    </ul>`,
};
